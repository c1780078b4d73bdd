"""Invariants as other pages show them: in one account, below an OU, and in short."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from types import MappingProxyType
from typing import Any, Final

from django.db.models import Q

from invariants.models import Coverage, CoverageDay, Invariant, OuCoverage
from invariants.models.coverage import COUNTS
from invariants.queries import coverage
from invariants.queries.counts import Counts, total
from inventory import access
from inventory.access import AnyUser
from inventory.models import Account

# So many are named on the page of another subject; the list of invariants has the rest.
NAMED: Final = 6
_STATE: Final = Coverage.State
# What somebody has to do something about comes first, what no policy can reach last.
_ORDER: Final = (
    _STATE.BROKEN,
    _STATE.MISSING,
    _STATE.UNKNOWN,
    _STATE.EXCEPTED,
    _STATE.CARVED_OUT,
    _STATE.ENFORCED,
    _STATE.NOT_ENFORCEABLE,
    _STATE.NOT_APPLICABLE,
)
_PLACES: Final = {state.value: place for place, state in enumerate(_ORDER)}
_SEVERITIES: Final = {code: place for place, code in enumerate(Invariant.Severity.values)}
# Nothing is claimed of these: nobody has decided yet that they shall hold, or that they no longer do.
_NOT_IN_FORCE: Final = (Invariant.State.DRAFT, Invariant.State.RETIRED)
_COLUMNS: Final = tuple(COUNTS.values())
_OWN: Final = "this account"
_NO_PLACES: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class AccountInvariant:
    """How one invariant stands in the account. Of a day that is over only the state is kept: `reason`,
    `policy` and `level` are "", and `since` is the day from which on it was so."""

    key: str
    statement: str
    severity: str
    type_name: str
    life: str
    life_name: str
    is_mandatory: bool
    state: str
    state_name: str
    reason: str
    policy: str
    level: str
    since: datetime | date


@dataclass(frozen=True, slots=True)
class AccountGroup:
    state: str
    name: str
    rows: tuple[AccountInvariant, ...]


@dataclass(frozen=True, slots=True)
class AccountSection:
    """The invariants of an account by state, the worst first; `day` None is now."""

    groups: tuple[AccountGroup, ...]
    counts: Counts
    day: date | None

    @property
    def rows(self) -> tuple[AccountInvariant, ...]:
        return tuple(row for group in self.groups for row in group.rows)


@dataclass(frozen=True, slots=True)
class OuInvariant:
    key: str
    statement: str
    severity: str
    life_name: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class OuSection:
    """`counts` are pairs of an account and an invariant, of those that are mandatory and enforced;
    `worst` are the first of `all` that are enforced, those with most open accounts first."""

    counts: Counts
    mandatory: int
    worst: tuple[OuInvariant, ...]
    all: int

    @property
    def percent(self) -> float | None:
        """Pairs that hold, of those in scope; None where none is."""
        within = self.counts.in_scope
        return 100 * self.counts.protected / within if within else None


def of_account(
    user: AnyUser,
    account: Account,
    *,
    on_its_way: Collection[str] = (),
    places: Mapping[str, str] = _NO_PLACES,
    day: date | None = None,
) -> AccountSection:
    """The invariants in one account that the person sees. One query.

    :param on_its_way: ids of the policies that the page names anyway: of others nobody is told who does
        not see the whole organisation.
    :param places: names of the OUs on its way by id, as far as they are the person's.
    :param day: as at the end of that day; None is now.
    """
    if day:
        rows = _then(user, account, day)
    else:
        rows = _now(user, account, frozenset(on_its_way), places)
    found = sorted(rows, key=_rank)
    groups = tuple(
        AccountGroup(state, str(_STATE(state).label), tuple(some))
        for state, some in groupby(found, key=lambda row: row.state)
    )
    counted = {COUNTS[_STATE(group.state)]: len(group.rows) for group in groups}
    return AccountSection(groups, Counts(**counted), day)


def _rank(row: AccountInvariant) -> tuple[int, bool, int, str]:
    return _PLACES[row.state], not row.is_mandatory, _SEVERITIES[row.severity], row.key


def _now(
    user: AnyUser, account: Account, on_its_way: frozenset[str], places: Mapping[str, str]
) -> list[AccountInvariant]:
    rows = Coverage.objects.visible_to(user).filter(
        account=account, invariant__gone_at=None, invariant__in=_in_force()
    )
    sees_all = access.scope_of(user).everything
    found = []
    for row in rows.select_related("invariant", "proof__policy"):
        proof, policy = row.proof, row.proof.policy
        is_told = policy is not None and (sees_all or policy.policy_id in on_its_way)
        found.append(
            _line(
                row.invariant,
                row.state,
                since=row.since,
                reason=proof.reason.replace("{account}", account.account_id),
                policy=policy.name if policy is not None and is_told else "",
                level=_OWN if proof.level == "ACCOUNT" else places.get(proof.level, ""),
            )
        )
    return found


def _then(user: AnyUser, account: Account, day: date) -> list[AccountInvariant]:
    """By the invariants first, as the index has them."""
    rows = CoverageDay.objects.visible_to(user).filter(
        Q(until=None) | Q(until__gt=day),
        invariant__in=_in_force(),
        account=account,
        day__lte=day,
    )
    return [
        _line(row.invariant, row.state, since=row.day) for row in rows.select_related("invariant")
    ]


def _in_force() -> Any:
    live = Invariant.objects.live().exclude(state__in=_NOT_IN_FORCE)
    return live.values("pk")


def _line(
    invariant: Invariant,
    state: str,
    *,
    since: datetime | date,
    reason: str = "",
    policy: str = "",
    level: str = "",
) -> AccountInvariant:
    return AccountInvariant(
        key=invariant.key,
        statement=invariant.statement,
        severity=invariant.severity,
        type_name=invariant.type_name,
        life=invariant.state,
        life_name=str(invariant.get_state_display()),
        is_mandatory=invariant.is_mandatory,
        state=state,
        state_name=str(_STATE(state).label),
        reason=reason,
        policy=policy,
        level=level,
        since=since,
    )


def of_ou(user: AnyUser, ou_id: str) -> OuSection:
    """The invariants below an OU that the person sees as a whole, now. One query."""
    rows = OuCoverage.objects.visible_to(user).filter(ou__ou_id=ou_id, invariant__in=_in_force())
    return _section(
        (row.invariant, Counts.read({name: getattr(row, name) for name in _COLUMNS}))
        for row in rows.select_related("invariant")
    )


def in_short(user: AnyUser) -> OuSection:
    """The invariants in all accounts that the person sees, now. Two queries."""
    counts = coverage.by_invariant(user)
    found = Invariant.objects.visible_to(user).live().exclude(state__in=_NOT_IN_FORCE)
    return _section((row, counts[row.pk]) for row in found if row.pk in counts)


def _section(found: Iterable[tuple[Invariant, Counts]]) -> OuSection:
    # One that is on its way lacks policies by intent: that would drown what should hold and does not.
    pairs = [(row, counts) for row, counts in found if row.state == Invariant.State.ENFORCED]
    counted = [counts for row, counts in pairs if row.is_mandatory]
    pairs.sort(key=lambda pair: (-pair[1].open, -pair[1].unknown, *_grave(pair[0])))
    return OuSection(
        counts=total(counted),
        mandatory=len(counted),
        worst=tuple(
            OuInvariant(row.key, row.statement, row.severity, str(row.get_state_display()), counts)
            for row, counts in pairs[:NAMED]
        ),
        all=len(pairs),
    )


def _grave(row: Invariant) -> tuple[bool, int, str]:
    return not row.is_mandatory, _SEVERITIES[row.severity], row.key
