"""Whom and what SCPs and RCPs do not reach, whatever they say.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html#not-restricted-by-scp
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html#actions-not-restricted-by-rcps
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

from invariants.engine.matching import PRINCIPAL
from invariants.engine.requests import PrincipalType, Request, Situation
from invariants.engine.truth import FALSE, TRUE, UNKNOWN, Truth, known

_RCP_SERVICES: Final = Path(__file__).parent / "data" / "rcp_services.json"
RESOURCE_ACCOUNT: Final = "resource account"


class Layer(StrEnum):
    """SCP: by the account of the principal. RCP: by the account that owns the resource, if there is one."""

    SCP = "SCP"
    RCP = "RCP"


class Exemption(StrEnum):
    MANAGEMENT_ACCOUNT = "MANAGEMENT_ACCOUNT"
    SERVICE_LINKED_ROLE = "SERVICE_LINKED_ROLE"
    AWS_SERVICE = "AWS_SERVICE"
    ANONYMOUS = "ANONYMOUS"
    OUTSIDE_ORGANIZATION = "OUTSIDE_ORGANIZATION"
    UNRESTRICTED_TASK = "UNRESTRICTED_TASK"
    UNSUPPORTED_SERVICE = "UNSUPPORTED_SERVICE"
    UNRESTRICTED_ACTION = "UNRESTRICTED_ACTION"
    AWS_MANAGED_KEY = "AWS_MANAGED_KEY"


@dataclass(frozen=True, slots=True)
class Organization:
    """`account_ids` None: which accounts belong to it is not checked."""

    management_account_id: str
    account_ids: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class RcpServices:
    """The services whose actions RCPs can restrict, by prefix, and when AWS's page said so."""

    prefixes: frozenset[str]
    unrestricted_actions: frozenset[str]
    as_of: date
    source: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Whether a layer leaves a request alone; where UNKNOWN, `missing` says for want of what."""

    is_exempt: Truth
    exemption: Exemption | None = None
    missing: tuple[str, ...] = ()


_REACHED: Final = Scope(FALSE)


@cache
def rcp_services() -> RcpServices:
    found = json.loads(_RCP_SERVICES.read_text(encoding="utf-8"))
    return RcpServices(
        frozenset(found["prefixes"]),
        frozenset(action.lower() for action in found["unrestricted_actions"]),
        date.fromisoformat(found["as_of"]),
        found["source"],
    )


def scope(layer: Layer, request: Request, organization: Organization | None = None) -> Scope:
    """Return whether the layer reaches the request at all.

    Without an organisation nothing is asked of accounts: the caller has picked the right policies.
    """
    reasons = _of_scps if layer is Layer.SCP else _of_rcps
    missing: list[str] = []
    for exemption, truth, name in reasons(request, organization):
        if truth is TRUE:
            return Scope(TRUE, exemption)
        if truth is UNKNOWN and name not in missing:
            missing.append(name)
    return Scope(UNKNOWN, None, tuple(missing)) if missing else _REACHED


def account_of(layer: Layer, request: Request) -> str | None:
    """Return the account whose policies count for the request; None where nobody knows it or it has none.

    Of actions that know no resources the RCPs of the principal's own account count.
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html#rcp-effects-on-permissions
    """
    owner = request.resource_account_id
    if layer is Layer.RCP and (owner is not None or request.resource != "*"):
        return owner
    return request.principal.account_id


_Reason = tuple[Exemption, Truth, str]
_TASKS: Final = frozenset(Situation) - {Situation.AWS_MANAGED_KEY}


def _of_scps(request: Request, organization: Organization | None) -> Iterator[_Reason]:
    kind = request.principal.type
    yield Exemption.AWS_SERVICE, known(kind is PrincipalType.SERVICE), PRINCIPAL
    yield Exemption.ANONYMOUS, known(kind is PrincipalType.ANONYMOUS), PRINCIPAL
    yield Exemption.SERVICE_LINKED_ROLE, _is_service_linked(request), PRINCIPAL
    yield Exemption.UNRESTRICTED_TASK, known(bool(request.situations & _TASKS)), PRINCIPAL
    if organization is not None and kind not in (PrincipalType.SERVICE, PrincipalType.ANONYMOUS):
        yield from _of_account(account_of(Layer.SCP, request), organization, PRINCIPAL)


def _of_rcps(request: Request, organization: Organization | None) -> Iterator[_Reason]:
    services = rcp_services()
    action = request.action.lower()
    yield Exemption.SERVICE_LINKED_ROLE, _is_service_linked(request), PRINCIPAL
    yield Exemption.SERVICE_LINKED_ROLE, known(request.assumes_service_linked_role), PRINCIPAL
    yield Exemption.UNSUPPORTED_SERVICE, known(request.service not in services.prefixes), PRINCIPAL
    yield Exemption.UNRESTRICTED_ACTION, known(action in services.unrestricted_actions), PRINCIPAL
    yield Exemption.AWS_MANAGED_KEY, known(_has_aws_managed_key(request)), PRINCIPAL
    if organization is not None:
        yield from _of_account(account_of(Layer.RCP, request), organization, RESOURCE_ACCOUNT)


def _of_account(
    account_id: str | None, organization: Organization, missing: str
) -> Iterator[_Reason]:
    if account_id is None:
        yield Exemption.MANAGEMENT_ACCOUNT, UNKNOWN, missing
        return
    is_management = account_id == organization.management_account_id
    yield Exemption.MANAGEMENT_ACCOUNT, known(is_management), missing
    if organization.account_ids is not None:
        is_outside = account_id not in organization.account_ids
        yield Exemption.OUTSIDE_ORGANIZATION, known(is_outside), missing


def _is_service_linked(request: Request) -> Truth:
    principal = request.principal
    if principal.type is PrincipalType.UNKNOWN:
        return UNKNOWN
    if principal.type is PrincipalType.ROLE and principal.arn is None:
        return UNKNOWN
    return known(principal.is_service_linked_role)


def _has_aws_managed_key(request: Request) -> bool:
    """By the alias, whose names beginning with aws/ are AWS's own; else somebody must say so."""
    if request.service != "kms":
        return False
    is_alias = ":alias/aws/" in (request.resource or "")
    return is_alias or Situation.AWS_MANAGED_KEY in request.situations
