"""Exceptions as coverage and reconciliation compare them with what is deployed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db.models import Q

from invariants.models import ExceptionRequest, ExceptionScope, InvariantControl
from invariants.models.exceptions import ExceptionTarget, ScopeKind
from invariants.policies.exceptions.fitting import LETTERS, Asked
from invariants.queries.exceptions.standing import moment_of
from inventory.models import Account, Organization

_RESOURCES = (ScopeKind.RESOURCE, ScopeKind.PATTERN)


def in_force(organization: Organization, *, now: datetime) -> tuple[Asked, ...]:
    """Those that hold now: seen in place, and not over, whether or not the clock has said so yet.

    Five queries at most, one where there are none.
    """
    today = moment_of(organization, now).today
    rows = ExceptionRequest.objects.in_force().filter(organization=organization)
    lasting = rows.filter(Q(until=None) | Q(until__gte=today)).exclude(
        state=ExceptionRequest.State.EMERGENCY, emergency_until__lte=now
    )
    requests = list(lasting.select_related("invariant", "control").order_by("pk"))
    return tuple(asked(organization, requests).values())


def asked(organization: Organization, requests: Sequence[ExceptionRequest]) -> Mapping[int, Asked]:
    """What each of these requests is for, by its key. Four queries at most, whatever their number.

    :param requests: with `invariant` and `control` at hand
    """
    if not requests:
        return {}
    lines = _lines(requests)
    accounts = _Accounts(organization, [line for some in lines.values() for line in some])
    prevented = _invariants_of_controls(organization, requests)
    return {
        one.pk: _asked(one, lines.get(one.pk, ()), accounts, prevented.get(one.control_id or 0, ()))
        for one in requests
    }


def _asked(
    request: ExceptionRequest,
    lines: Sequence[ExceptionScope],
    accounts: "_Accounts",
    prevented: Iterable[str],
) -> Asked:
    by_kind: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        by_kind[line.kind].append(line.value)
    is_of_invariant = request.target_kind == ExceptionTarget.INVARIANT
    key = request.invariant.key if request.invariant is not None else ""
    return Asked(
        ref=request.ref,
        mechanism=LETTERS[request.mechanism],
        invariants=frozenset({key} if is_of_invariant else prevented),
        accounts=accounts.of(lines),
        principals=tuple(sorted(by_kind[ScopeKind.PRINCIPAL])),
        principal_tags=tuple(sorted(by_kind[ScopeKind.PRINCIPAL_TAG])),
        tags=tuple(sorted(by_kind[ScopeKind.TAG])),
        regions=tuple(sorted(by_kind[ScopeKind.REGION])),
        resources=tuple(sorted(value for kind in _RESOURCES for value in by_kind[kind])),
        actions=tuple(sorted(by_kind[ScopeKind.ACTION])),
        is_of_invariant=is_of_invariant,
    )


def _lines(requests: Sequence[ExceptionRequest]) -> dict[int, list[ExceptionScope]]:
    found: dict[int, list[ExceptionScope]] = defaultdict(list)
    rows = ExceptionScope.objects.filter(request__in=[one.pk for one in requests])
    for line in rows.select_related("account", "ou").order_by("pk"):
        found[line.request_id].append(line)
    return found


class _Accounts:
    """The live accounts of lines, those below OUs as well. One query where any line names an OU."""

    def __init__(self, organization: Organization, lines: Iterable[ExceptionScope]) -> None:
        below = any(line.ou_id is not None for line in lines)
        live = Account.objects.live().filter(organization=organization)
        self._paths = list(live.values_list("account_id", "ou__path")) if below else []
        self._by_ou: dict[str, frozenset[str]] = {}

    def of(self, lines: Iterable[ExceptionScope]) -> frozenset[str]:
        found: set[str] = set()
        for line in lines:
            if line.account is not None and line.account.gone_at is None:
                found.add(line.account.account_id)
            if line.ou is not None:
                found |= self._below(line.ou.path)
        return frozenset(found)

    def _below(self, path: str) -> frozenset[str]:
        if path not in self._by_ou:
            self._by_ou[path] = frozenset(
                account_id for account_id, of in self._paths if of.startswith(path)
            )
        return self._by_ou[path]


def _invariants_of_controls(
    organization: Organization, requests: Iterable[ExceptionRequest]
) -> dict[int, tuple[str, ...]]:
    """The keys of the invariants that prevent the findings of each control, by its key."""
    ids = {one.control.control_id: one.control.pk for one in requests if one.control is not None}
    if not ids:
        return {}
    rows = InvariantControl.objects.filter(
        invariant__organization=organization, invariant__gone_at=None, control_key__in=ids
    )
    found: dict[int, list[str]] = defaultdict(list)
    for name, key in rows.order_by("invariant__key").values_list("control_key", "invariant__key"):
        found[ids[name]].append(key)
    return {pk: tuple(keys) for pk, keys in found.items()}
