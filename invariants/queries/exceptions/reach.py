"""What a scope reaches: the accounts, controls and resources that its lines name, for one viewer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from findings.models import Control, Finding
from invariants.models import ExceptionRequest, Invariant
from invariants.models.exceptions import ExceptionTarget, ScopeKind
from inventory import access
from inventory.access import AnyUser
from inventory.models import Account, Organization

# (kind, value) as ExceptionScope has them.
Line = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Reach:
    """`lines`: the values of a scope by kind. `controls`: keys of those whose findings count."""

    organization: Organization
    target_kind: str
    lines: Mapping[str, tuple[str, ...]]
    controls: tuple[int, ...] = ()
    control: Control | None = None
    invariant: Invariant | None = None
    finding_key: bytes | None = None
    has_policy: bool = False
    accounts: tuple[Account, ...] = field(default=())

    def of(self, kind: str) -> tuple[str, ...]:
        return self.lines.get(kind, ())


def of_request(user: AnyUser, request: ExceptionRequest) -> Reach:
    """Of what has been asked for. Four queries; only accounts that the user sees."""
    lines = request.scope.order_by("kind", "value").values_list("kind", "value")
    key = bytes(request.finding_key) if request.finding_key is not None else None
    return reach(
        user,
        request.organization,
        lines,
        target=Target(
            request.target_kind, request.control, request.invariant, key, request.mechanism
        ),
    )


@dataclass(frozen=True, slots=True)
class Target:
    """What the exception is from, and how AWS is told of it."""

    kind: str
    control: Control | None = None
    invariant: Invariant | None = None
    finding_key: bytes | None = None
    mechanism: str = ExceptionRequest.Mechanism.NONE


def reach(
    user: AnyUser, organization: Organization, lines: Iterable[Line], *, target: Target
) -> Reach:
    """Of lines that may be stored nowhere yet. Three queries at most."""
    by_kind: dict[str, tuple[str, ...]] = {}
    for kind, value in lines:
        by_kind[kind] = (*by_kind.get(kind, ()), value)
    return Reach(
        organization=organization,
        target_kind=target.kind,
        lines=by_kind,
        controls=_controls(organization, target, by_kind.get(ScopeKind.CONTROL, ())),
        control=target.control,
        invariant=target.invariant,
        finding_key=target.finding_key,
        has_policy=target.mechanism != ExceptionRequest.Mechanism.NONE,
        accounts=_accounts(user, organization, by_kind)
        or _of_finding(user, organization, target, by_kind),
    )


def _controls(
    organization: Organization, target: Target, named: tuple[str, ...]
) -> tuple[int, ...]:
    """As actions.exceptions.effects has them: of an invariant, those alone that its scope names."""
    if target.kind != ExceptionTarget.INVARIANT:
        return () if target.control is None else (target.control.pk,)
    rows = Control.objects.filter(organization=organization, control_id__in=named)
    return tuple(rows.order_by("pk").values_list("pk", flat=True)) if named else ()


def _accounts(
    user: AnyUser, organization: Organization, lines: Mapping[str, tuple[str, ...]]
) -> tuple[Account, ...]:
    ids, ous = lines.get(ScopeKind.ACCOUNT, ()), lines.get(ScopeKind.OU, ())
    if not ids and not ous:
        return ()
    rows = Account.objects.visible_to(user).live().filter(organization=organization)
    named = rows.filter(account_id__in=ids)
    for path in _paths(organization, ous):
        named |= rows.filter(ou__path__startswith=path)
    return tuple(named.select_related("ou", "team").order_by("account_id"))


def _of_finding(
    user: AnyUser, organization: Organization, target: Target, lines: Mapping[str, tuple[str, ...]]
) -> tuple[Account, ...]:
    """A finding alone names no place: it is where the finding is."""
    if target.finding_key is None or lines.get(ScopeKind.ACCOUNT) or lines.get(ScopeKind.OU):
        return ()
    rows = Finding.objects.visible_to(user).select_related("account__ou", "account__team")
    found = rows.filter(organization=organization, key=target.finding_key).first()
    return (found.account,) if found is not None and found.account.gone_at is None else ()


def _paths(organization: Organization, ous: tuple[str, ...]) -> list[str]:
    if not ous:
        return []
    rows = organization.organizationalunit_set.filter(ou_id__in=ous)
    return list(rows.order_by("path").values_list("path", flat=True))


def unknown_controls(organization: Organization, ids: Sequence[str]) -> list[str]:
    """Those of the ids that no control has, in their order. One query, none without ids."""
    if not ids:
        return []
    rows = Control.objects.filter(organization=organization, control_id__in=ids)
    known = set(rows.values_list("control_id", flat=True))
    return [one for one in ids if one not in known]


def is_partial(user: AnyUser, reach: Reach) -> bool:
    """Whether there are, or may be, accounts in the scope that this person does not see."""
    if access.scope_of(user).everything:
        return False
    seen = {account.account_id for account in reach.accounts}
    return bool(reach.of(ScopeKind.OU)) or not seen.issuperset(reach.of(ScopeKind.ACCOUNT))


def values(reach: Reach) -> dict[str, Any]:
    """What the statements of the blast radius bind."""
    return {
        "organization": reach.organization.pk,
        "accounts": [account.pk for account in reach.accounts],
        "controls": list(reach.controls),
        "regions": list(reach.of(ScopeKind.REGION)),
        "resources": list(reach.of(ScopeKind.RESOURCE)),
        "tags": list(reach.of(ScopeKind.TAG)),
        "key": reach.finding_key,
    }
