"""What is to get through: the requests that an exception is for, as sides that each narrow the others."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from invariants.carving.globs import is_pattern
from invariants.carving.refusals import Unfit
from invariants.engine import Base, Condition, Layer, Operator, Quantifier

PRINCIPAL_ARN: Final = "aws:PrincipalArn"
_ARN: Final = re.compile(r"arn:(aws[a-z-]*):(iam|sts)::(\d{12}|\*):(.+)", re.DOTALL)
_NAMED: Final = re.compile(r"(?:(?:role|user|federated-user)/[\w+=,.@/*?-]+|root)", re.ASCII)
_ACTION: Final = re.compile(r"[a-z0-9-]+:[A-Za-z0-9_*?]+", re.ASCII)
_REGION: Final = re.compile(r"[a-z]{2,}(?:-[a-z0-9]+)+", re.ASCII)
_ACCOUNT: Final = re.compile(r"[0-9]{12}", re.ASCII)
_TAG: Final = re.compile(r"[\w .:/=+@-]{1,128}=[\w .:/=+@-]{0,256}")
_RESOURCE: Final = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[^:\s]*:[^:\s]*:[^\s\"$]+")
_SESSION: Final = "assumed-role/"
_SERVICE_LINKED: Final = "role/aws-service-role/"


class Kind(StrEnum):
    """The sides in the order in which a statement is taken apart: the first stays in the statement itself."""

    PRINCIPAL = "PRINCIPAL"
    PLACE = "PLACE"
    TAG = "TAG"
    REGION = "REGION"
    RESOURCE = "RESOURCE"
    ACTION = "ACTION"
    TIME = "TIME"


@dataclass(frozen=True, slots=True)
class Scope:
    """What an exception names; lines of one kind add up, kinds narrow each other, an empty one narrows nothing.

    `ous` are paths of ids from the root, each closed by a slash; `members` are the accounts of `accounts`
    and those beneath `ous` today; `until` is the moment (ISO 8601, UTC) from which it no longer holds.
    """

    accounts: tuple[str, ...] = ()
    ous: tuple[str, ...] = ()
    members: frozenset[str] = frozenset()
    regions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    principals: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    until: str = ""

    @property
    def is_accounts_alone(self) -> bool:
        named = self.regions, self.resources, self.tags, self.principals, self.actions
        return not any(named)


def without_end(scope: Scope) -> Scope:
    """The scope as policies hold it that do not end it by themselves."""
    return replace(scope, until="")


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the box. `outside` are conditions that all hold of a request beyond it; `inside` is the
    condition that holds within it (None: several would be alternatives, which one statement cannot say).
    `actions` and `resources` are names instead of conditions."""

    kind: Kind
    outside: tuple[Condition, ...] = ()
    inside: Condition | None = None
    actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()


def sides(
    scope: Scope, layer: Layer, *, org_id: str, reach: Collection[str] | None
) -> tuple[Side, ...]:
    """The sides of a scope, for policies of one layer.

    `reach` are the accounts that the policy reaches; None where that is not known.

    :raises Unfit: for a principal that no policy can name.
    """
    _check(scope)
    principals = _principals(scope, layer)
    found = [
        _of_principals(principals, layer),
        _of_place(scope, layer, org_id) if _needs_place(scope, principals, layer, reach) else None,
        *_of_things(scope),
        _of_values(Kind.REGION, "aws:RequestedRegion", scope.regions),
        Side(Kind.ACTION, actions=scope.actions) if scope.actions else None,
        _of_time(scope.until) if scope.until else None,
    ]
    order = list(Kind)
    return tuple(sorted((s for s in found if s), key=lambda side: order.index(side.kind)))


def _check(scope: Scope) -> None:
    """That each line is what a policy can hold.

    :raises Unfit: naming the first that is not.
    """
    for values, shape, what, example in (
        (scope.actions, _ACTION, "action", "s3:GetObject"),
        (scope.regions, _REGION, "Region", "eu-central-1"),
        (scope.accounts, _ACCOUNT, "account", "111122223333"),
        (tuple(f"{key}={value}" for key, value in scope.tags), _TAG, "tag", "exempt=yes"),
        (scope.resources, _RESOURCE, "ARN", "arn:aws:s3:::bucket/*"),
    ):
        for value in values:
            if not shape.fullmatch(value):
                raise Unfit(
                    f'"{value[:200]}" is no {what} that a policy can name.',
                    f"Write it as AWS does, for instance {example}.",
                )


def _principals(scope: Scope, layer: Layer) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(arn for one in scope.principals for arn in _named(one, scope, layer))
    )


def _named(principal: str, scope: Scope, layer: Layer) -> Iterable[str]:
    """The principal as aws:PrincipalArn has it; in an SCP in each of the accounts, where it names none."""
    if principal.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        raise Unfit(
            f"{principal} is an AWS service: no list of principals holds services.",
            "Where an RCP stands in its way, the policy itself has to leave AWS services out "
            "(aws:PrincipalIsAWSService); SCPs do not reach them.",
        )
    found = _ARN.fullmatch(principal)
    if found is None or found[4] in ("*", "role/*", "user/*"):
        raise Unfit(
            f'"{principal}" names nobody in particular.',
            "Name a role or a user by its ARN: arn:aws:iam::ACCOUNT:role/NAME, with the role's path.",
        )
    if found[2] == "sts" or found[4].startswith(_SESSION):
        raise Unfit(
            f"{principal} is the ARN of a session, which aws:PrincipalArn never is.",
            "Name its role: arn:aws:iam::ACCOUNT:role/NAME, with the role's path.",
        )
    if not _NAMED.fullmatch(found[4]):
        raise Unfit(
            f"{principal[:200]} is no role and no user.",
            "Name a role or a user by its ARN: arn:aws:iam::ACCOUNT:role/NAME, with the role's path.",
        )
    if found[4].startswith(_SERVICE_LINKED):
        raise Unfit(
            f"{principal} is a service-linked role: neither SCPs nor RCPs reach it.",
            "It needs no exception; look for another cause of the refusal.",
        )
    return _placed(principal, found, scope, layer)


def _placed(principal: str, found: re.Match[str], scope: Scope, layer: Layer) -> Iterable[str]:
    account_id = found[3]
    if account_id != "*":
        if layer is Layer.SCP and scope.members and account_id not in scope.members:
            raise Unfit(
                f"{principal} is of account {account_id}, which the scope does not name.",
                "Add that account to the scope: an SCP decides about principals of its own account.",
            )
        return (principal,)
    if scope.ous:
        if layer is Layer.SCP:
            return (principal,)
    elif scope.accounts:
        return (f"arn:{found[1]}:{found[2]}::{one}:{found[4]}" for one in scope.accounts)
    raise Unfit(
        f"{principal} would be a role of that name in any account of the world.",
        "Write the account into the ARN.",
    )


def _of_principals(principals: tuple[str, ...], layer: Layer) -> Side | None:
    """RCPs with IfExists, as AWS's examples have it: of services there is no ARN."""
    if not principals:
        return None
    outside = _condition(Base.ARN_NOT_LIKE, PRINCIPAL_ARN, principals, layer is Layer.RCP)
    return Side(Kind.PRINCIPAL, (outside,), _condition(Base.ARN_LIKE, PRINCIPAL_ARN, principals))


def _needs_place(
    scope: Scope, principals: tuple[str, ...], layer: Layer, reach: Collection[str] | None
) -> bool:
    """Not where another side says the account already, or the policy reaches no other."""
    if not scope.accounts and not scope.ous:
        return False
    if reach is not None and frozenset(reach) <= scope.members:
        return False
    if layer is Layer.SCP:
        return not principals or any(is_pattern(arn.split(":")[4]) for arn in principals)
    return not scope.resources or bool(scope.tags) or not all(map(_is_one_place, scope.resources))


def _is_one_place(arn: str) -> bool:
    """Whether the ARN says whose it is: by an account, or as the name of a bucket, which is unique."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return False
    if parts[2] == "s3" and not parts[4]:
        return not is_pattern(parts[5].partition("/")[0])
    return parts[4].isdecimal()


def _of_place(scope: Scope, layer: Layer, org_id: str) -> Side:
    whose = "Principal" if layer is Layer.SCP else "Resource"
    paths = tuple(f"{org_id}/{path}*" for path in scope.ous)
    outside, inside = [], []
    if scope.accounts:
        key = f"aws:{whose}Account"
        outside.append(_condition(Base.STRING_NOT_EQUALS, key, scope.accounts))
        inside.append(_condition(Base.STRING_EQUALS, key, scope.accounts))
    if paths:
        key = f"aws:{whose}OrgPaths"
        # The key of several values: https://docs.aws.amazon.com/IAM/latest/UserGuide/
        # reference_policies_condition-keys.html#condition-keys-principalorgpaths
        outside.append(_condition(Base.STRING_NOT_LIKE, key, paths, quantifier=Quantifier.ALL))
        inside.append(_condition(Base.STRING_LIKE, key, paths, quantifier=Quantifier.ANY))
    return Side(Kind.PLACE, tuple(outside), inside[0] if len(inside) == 1 else None)


def _of_things(scope: Scope) -> Iterable[Side | None]:
    """Resources by name and by tag add up: one side, unless there is one of the two alone."""
    by_key: dict[str, list[str]] = {}
    for key, value in scope.tags:
        by_key.setdefault(key, []).append(value)
    outside = tuple(
        _condition(Base.STRING_NOT_EQUALS, f"aws:ResourceTag/{key}", tuple(values))
        for key, values in by_key.items()
    )
    inside = None
    if len(by_key) == 1 and not scope.resources:
        (key,) = by_key
        inside = _condition(Base.STRING_EQUALS, f"aws:ResourceTag/{key}", tuple(by_key[key]))
    if scope.tags or scope.resources:
        kind = Kind.TAG if scope.tags else Kind.RESOURCE
        yield Side(kind, outside, inside, resources=scope.resources)


def _of_values(kind: Kind, key: str, values: tuple[str, ...]) -> Side | None:
    if not values:
        return None
    outside = _condition(Base.STRING_NOT_EQUALS, key, values)
    return Side(kind, (outside,), _condition(Base.STRING_EQUALS, key, values))


def _of_time(until: str) -> Side:
    return Side(
        Kind.TIME,
        (_condition(Base.DATE_GREATER_THAN_EQUALS, "aws:CurrentTime", (until,)),),
        _condition(Base.DATE_LESS_THAN, "aws:CurrentTime", (until,)),
    )


def _condition(
    base: Base,
    key: str,
    values: tuple[str, ...],
    if_exists: bool = False,
    quantifier: Quantifier = Quantifier.NONE,
) -> Condition:
    found = Operator(base, quantifier, if_exists)
    return Condition(replace(found, written=found.name), key, values)


def layer_of(policy_type: str) -> Layer:
    return Layer.RCP if policy_type == "RESOURCE_CONTROL_POLICY" else Layer.SCP
