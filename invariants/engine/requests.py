"""A request as a layer of policies sees it: who, what, on which resource, in which context."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from invariants.engine.states import ABSENT, PRESENT_UNKNOWN, KeyState, Present, present

_ARN: Final = re.compile(r"arn:[^:]*:(iam|sts)::(\d{12}|[^:]*):(.+)", re.DOTALL)
_SERVICE: Final = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?")
_SERVICE_LINKED: Final = "role/aws-service-role/"


class PrincipalType(StrEnum):
    """UNKNOWN: nobody can say who it was."""

    ROLE = "ROLE"
    USER = "USER"
    ROOT = "ROOT"
    FEDERATED_USER = "FEDERATED_USER"
    SERVICE = "SERVICE"
    ANONYMOUS = "ANONYMOUS"
    UNKNOWN = "UNKNOWN"


# What AWS puts into aws:PrincipalType.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable
_TYPE_NAMES: Final = {
    PrincipalType.ROLE: "AssumedRole",
    PrincipalType.USER: "User",
    PrincipalType.ROOT: "Account",
    PrincipalType.FEDERATED_USER: "FederatedUser",
}


class Situation(StrEnum):
    """What is special in a request and cannot be read from it; one that is not named does not hold.

    The first is of RCPs, the others of SCPs, which do not restrict these tasks.
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html#not-restricted-by-scp
    """

    AWS_MANAGED_KEY = "AWS_MANAGED_KEY"
    CLOUDFRONT_TRUSTED_SIGNER = "CLOUDFRONT_TRUSTED_SIGNER"
    REVERSE_DNS = "REVERSE_DNS"
    SUPPORT_PLAN = "SUPPORT_PLAN"
    AWS_RELATED_SERVICE = "AWS_RELATED_SERVICE"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `arn` is that of the role (never of its session), the user or the root; or a service's name.

    `arn` and `account_id` are None where nobody knows them or there are none.
    """

    type: PrincipalType = PrincipalType.UNKNOWN
    arn: str | None = None
    account_id: str | None = None

    @property
    def is_service_linked_role(self) -> bool:
        return self.type is PrincipalType.ROLE and f":{_SERVICE_LINKED}" in (self.arn or "")


ANYONE: Final = Principal()
ANONYMOUS: Final = Principal(PrincipalType.ANONYMOUS)
_OF_RESOURCE: Final = {
    "root": PrincipalType.ROOT,
    "role": PrincipalType.ROLE,
    "user": PrincipalType.USER,
    "federated-user": PrincipalType.FEDERATED_USER,
}


def principal_of(name: str) -> Principal:
    """Return the principal with this ARN, or the service with this name (ec2.amazonaws.com).

    :raises ValueError: for anything else, and for the ARN of a role's session: its role may have a path,
        which the ARN of the session does not tell.
    """
    if found := _ARN.fullmatch(name):
        kind = _OF_RESOURCE.get(found[3].partition("/")[0])
        if kind is not None:
            return Principal(kind, name, found[2] or None)
    elif _SERVICE.fullmatch(name):
        return Principal(PrincipalType.SERVICE, name)
    raise ValueError(f"{name[:200]!r} is no role, user, root, federated user or service")


@dataclass(frozen=True, slots=True)
class Request:
    """One action on one resource; an operation that needs several is several requests.

    `action` is service:Action. `resource` is an ARN, "*" where the action knows no resources or means all
    of them, None where nobody knows it. `resource_account_id` None beside "*" says that no account owns
    anything here (the RCPs of the principal's own account count then), beside anything else that nobody
    knows the owner: who cannot say which resource it was must say None, never "*". `context` holds states by key in any case: a key that it does not hold is unknown,
    never absent. What follows from the principal (aws:PrincipalArn and the like) is filled in where the
    context does not say otherwise.

    :raises ValueError: where the action has no service.
    """

    action: str
    resource: str | None = "*"
    principal: Principal = ANYONE
    resource_account_id: str | None = None
    context: Mapping[str, KeyState] = field(default_factory=dict)
    situations: frozenset[Situation] = frozenset()
    # Keys in lower case.
    states: dict[str, KeyState] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        service, colon, name = self.action.partition(":")
        if not (service and colon and name):
            raise ValueError(f"an action is service:Action, not {self.action[:200]!r}")
        states = states_of(self.principal)
        for key, state in self.context.items():
            states[key.lower()] = state
        object.__setattr__(self, "states", states)

    @property
    def service(self) -> str:
        return self.action.partition(":")[0].lower()

    @property
    def assumes_service_linked_role(self) -> bool:
        return self.service == "sts" and f":{_SERVICE_LINKED}" in (self.resource or "")


def states_of(principal: Principal) -> dict[str, KeyState]:
    """Return what the principal alone says of the context.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principal-properties
    """
    if principal.type is PrincipalType.UNKNOWN:
        return {}
    if principal.type is PrincipalType.ANONYMOUS:
        return {
            "aws:principalarn": ABSENT,
            "aws:principalisawsservice": ABSENT,
            "aws:principalaccount": present("anonymous"),
            "aws:username": ABSENT,
        }
    is_service = principal.type is PrincipalType.SERVICE
    states: dict[str, KeyState] = {
        "aws:principalisawsservice": present(is_service),
        "aws:username": ABSENT,
    }
    if is_service:
        if principal.arn is not None:
            states["aws:principalservicename"] = Present((principal.arn,))
        return states
    return states | _of_identity(principal)


def _of_identity(principal: Principal) -> dict[str, KeyState]:
    states: dict[str, KeyState] = {
        "aws:principalservicename": ABSENT,
        "aws:principalservicenameslist": ABSENT,
        "aws:principaltype": Present((_TYPE_NAMES[principal.type],)),
    }
    if principal.account_id is not None:
        states["aws:principalaccount"] = Present((principal.account_id,))
    if principal.arn is not None:
        states["aws:principalarn"] = Present((principal.arn,))
    if principal.type is PrincipalType.USER:
        name = (principal.arn or "").rpartition("/")[2]
        states["aws:username"] = Present((name,)) if name else PRESENT_UNKNOWN
    return states
