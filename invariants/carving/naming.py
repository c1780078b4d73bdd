"""Principals by ARN, as aws:PrincipalArn has them."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from invariants.carving.refusals import Unfit
from invariants.engine import Layer

if TYPE_CHECKING:
    from invariants.carving.boxes import Scope

_ARN: Final = re.compile(r"arn:(aws[a-z-]*):(iam|sts)::(\d{12}|\*):(.+)", re.DOTALL)
_NAMED: Final = re.compile(r"(?:(?:role|user|federated-user)/[\w+=,.@/*?-]+|root)", re.ASCII)
_SESSION: Final = "assumed-role/"
_SERVICE_LINKED: Final = "role/aws-service-role/"


def principals_of(scope: "Scope", layer: Layer) -> tuple[str, ...]:
    """The principals of a scope that are named by ARN, as a policy of the layer has to write them.

    :raises Unfit: for one that no policy can name.
    """
    return tuple(
        dict.fromkeys(arn for one in scope.principals for arn in _named(one, scope, layer))
    )


def _named(principal: str, scope: "Scope", layer: Layer) -> Iterable[str]:
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


def _placed(principal: str, found: re.Match[str], scope: "Scope", layer: Layer) -> Iterable[str]:
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
