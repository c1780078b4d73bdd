"""Kept and missed due dates: of what was due in a window, how much was closed in time.

"Closed in time of all closed" leaves out what is open and overdue, so it rewards closing nothing
that is late already. Here the whole that fell due counts, and an open one is a miss at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from posture.kpis.statistics.rounding import percent


@dataclass(frozen=True, slots=True)
class Due:
    """Something with a due date; `excepted_at` is when it was excepted, if it was."""

    due_at: datetime
    closed_at: datetime | None = None
    excepted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cohort:
    """What fell due in a window, by what became of it."""

    in_time: int = 0
    late: int = 0
    still_open: int = 0
    excepted: int = 0

    @property
    def due(self) -> int:
        return self.counted + self.excepted

    @property
    def counted(self) -> int:
        return self.in_time + self.late + self.still_open

    @property
    def attainment(self) -> Decimal | None:
        """Percent closed in time of those that count, one decimal; None where nothing was due."""
        return percent(self.in_time, self.counted)


def due_cohort(items: Iterable[Due], *, since: datetime, until: datetime) -> Cohort:
    """Return what became, by `until`, of what was due after `since` and no later than `until`.

    Closed at the due moment is in time. Excepted before it is left out and counted apart; an
    exception granted later does not erase the miss. What was closed after `until` was open then.
    """
    in_time = late = still_open = excepted = 0
    for one in items:
        if not since < one.due_at <= until:
            continue
        closed_at = one.closed_at if one.closed_at and one.closed_at < until else None
        if one.excepted_at is not None and one.excepted_at < one.due_at:
            excepted += 1
        elif closed_at is None:
            still_open += 1
        elif closed_at <= one.due_at:
            in_time += 1
        else:
            late += 1
    return Cohort(in_time, late, still_open, excepted)
