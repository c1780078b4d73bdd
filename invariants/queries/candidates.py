"""Preventable controls that keep failing where no invariant is in force that would prevent them.

Counts by account and control, of the accounts that the person sees, from the rollup; the ranking is by
what came up in the last 90 days, then by what is open.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Count, Q, Sum

from findings import access as findings_access
from findings.models import Area
from findings.queries import hints
from findings.queries.hints import Hint
from invariants.models import Invariant, InvariantControl, Recurrence
from invariants.models.violations import Stops
from invariants.queries.violations import counted_at
from inventory.access import AnyUser

DAYS: Final = 90
SHOWN: Final = 100
_OPEN: Final = Q(is_prevented=False)
_IN_WORK: Final = (Invariant.State.STAGED, Invariant.State.TESTED, Invariant.State.ENFORCED)


@dataclass(frozen=True, slots=True)
class WouldPrevent:
    """An invariant of the catalogue, and how far it is."""

    key: str
    statement: str
    type_name: str
    state: str
    state_name: str

    @property
    def is_on_its_way(self) -> bool:
        return self.state in _IN_WORK


@dataclass(frozen=True, slots=True)
class Candidate:
    """A control that fails again and again; all counts are of accounts where nothing prevents it.

    `opened` are episodes that began in DAYS days, `reopened` findings that failed again in them.
    `covered` are the other accounts with such findings: an invariant is in force there by now.
    `hint` is what AWS offers where the catalogue has no invariant.
    """

    control_id: str
    title: str
    severity: str
    area: str
    open: int
    opened: int
    reopened: int
    accounts: int
    covered: int
    invariants: tuple[WouldPrevent, ...]
    hint: Hint | None

    @property
    def query(self) -> str:
        """Of the findings explorer."""
        return f"status=OPEN&control={self.control_id}"

    @property
    def has_invariant(self) -> bool:
        return bool(self.invariants)


@dataclass(frozen=True, slots=True)
class Candidates:
    """`counted_at` None: not counted yet. `may_read`: the explorer may be opened."""

    counted_at: datetime | None
    rows: tuple[Candidate, ...] = ()
    may_read: bool = False

    @property
    def opened(self) -> int:
        return sum(row.opened for row in self.rows)

    @property
    def open(self) -> int:
        return sum(row.open for row in self.rows)


def candidates(user: AnyUser, *, area: str = "", is_without: bool = False) -> Candidates:
    """The first SHOWN controls, what recurs most first. Four queries.

    :param is_without: only those that no invariant of the catalogue prevents.
    """
    at = counted_at()
    if at is None:
        return Candidates(None)
    rows = Recurrence.objects.visible_to(user)
    if area:
        rows = rows.filter(control__area=area)
    found = (
        rows.values("control__control_id", "control__title", "control__severity", "control__area")
        .annotate(
            all_open=Sum("open", filter=_OPEN, default=0),
            all_opened=Sum("opened", filter=_OPEN, default=0),
            all_reopened=Sum("reopened", filter=_OPEN, default=0),
            places=Count("account", filter=_OPEN),
            covered=Count("account", filter=~_OPEN),
        )
        .filter(Q(all_open__gt=0) | Q(all_opened__gt=0) | Q(all_reopened__gt=0))
        .order_by("-all_opened", "-all_open", "control__control_id")
    )
    names = [row["control__control_id"] for row in found]
    known = _invariants(user, names)
    every = tuple(
        Candidate(
            control_id=row["control__control_id"],
            title=row["control__title"],
            severity=row["control__severity"],
            area=dict(Area.choices).get(row["control__area"], ""),
            open=row["all_open"],
            opened=row["all_opened"],
            reopened=row["all_reopened"],
            accounts=row["places"],
            covered=row["covered"],
            invariants=known.get(row["control__control_id"], ()),
            hint=_hint(row["control__control_id"]),
        )
        for row in found
    )
    chosen = [row for row in every if not (is_without and row.has_invariant)]
    return Candidates(at, tuple(chosen[:SHOWN]), may_read=findings_access.may_read(user))


def _invariants(user: AnyUser, controls: Iterable[str]) -> Mapping[str, tuple[WouldPrevent, ...]]:
    visible = Invariant.objects.visible_to(user).filter(gone_at=None)
    rows = InvariantControl.objects.filter(
        invariant__in=visible, control_key__in=list(controls), stops=Stops.FINDING
    ).select_related("invariant")
    found: dict[str, tuple[WouldPrevent, ...]] = {}
    for row in rows.order_by("control_key", "invariant__key"):
        one = row.invariant
        would = WouldPrevent(
            one.key, one.statement, one.type_name, one.state, str(one.get_state_display())
        )
        found[row.control_key] = (*found.get(row.control_key, ()), would)
    return found


def _hint(control_id: str) -> Hint | None:
    return next((hint for hint in hints.for_control(control_id) if hint.stops_finding), None)
