"""How long things stay open, counting those that are open still (Kaplan and Meier, 1958).

The mean of what has been closed leaves out what nobody closes, so that fixing only the easy ones
makes it better. Here an open one counts for as long as it has been watched.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final, TypeAlias

from posture.kpis.statistics.rounding import rounded

Days: TypeAlias = int | Decimal

_PLACES: Final = 1


@dataclass(frozen=True, slots=True)
class Step:
    """On this day of their age, `closed` of `at_risk` were closed; `share` percent stay open."""

    day: Days
    share: Decimal
    at_risk: int
    closed: int


@dataclass(frozen=True, slots=True)
class Survival:
    """The share that is still open, by age in days: it starts at 100% and only falls.

    `followed` is the age up to which anybody was watched: the curve says nothing of later.
    """

    steps: tuple[Step, ...]
    followed: Days | None
    shares: tuple[Fraction, ...]  # exact, one for each step

    @property
    def median(self) -> Days | None:
        return self.quantile(Decimal("0.5"))

    def quantile(self, closed_share: Decimal) -> Days | None:
        """The first age at which this share (0 to 1) is closed; None: not reached yet."""
        open_share = 1 - Fraction(closed_share)
        for step, share in zip(self.steps, self.shares, strict=True):
            if share <= open_share:
                return step.day
        return None

    def open_share(self, day: Days) -> Decimal | None:
        """Percent still open at this age, one decimal; None: nobody has been watched so long."""
        share = self.share_at(day)
        return None if share is None else rounded(100 * share, _PLACES)

    def share_at(self, day: Days) -> Fraction | None:
        """The same exactly, from 0 to 1."""
        passed = [
            share for step, share in zip(self.steps, self.shares, strict=True) if step.day <= day
        ]
        share = passed[-1] if passed else Fraction(1)
        if share and (self.followed is None or day > self.followed):
            return None
        return share


def kaplan_meier(
    closed: Iterable[Days] | Counter[Days],
    still_open: Iterable[Days] | Counter[Days],
    *,
    entered: Iterable[Days] | Counter[Days] = (),
) -> Survival:
    """Return the curve of ages, in days, at the close and of what is open; order does not matter.

    A Counter gives the ages with their numbers. What is open (or left our sight, or was excepted) at
    an age at which others close was still at risk of it.

    `entered` are the ages at which those of them came into sight that had been open before (left
    truncation): they are at risk only after that age, since one that closed earlier would never have
    been seen. Whoever left at the age of entering must be in neither list.

    :raises ValueError: when more have entered late than were watched at that age.
    """
    events, censored, late = Counter(closed), Counter(still_open), Counter(entered)
    at_risk = events.total() + censored.total() - late.total()
    share = Fraction(1)
    steps: list[Step] = []
    shares: list[Fraction] = []
    left = 0
    for day in sorted({*events, *censored, *late}):
        if at_risk < 0 or events[day] > at_risk:
            raise ValueError(f"at {day} days fewer were watched than left")
        if events[day]:
            share *= 1 - Fraction(events[day], at_risk)
            steps.append(Step(day, rounded(100 * share, _PLACES), at_risk, events[day]))
            shares.append(share)
        left = events[day] + censored[day]
        at_risk += late[day] - left
    leaving = [*events, *censored]
    return Survival(tuple(steps), max(leaving, default=None), tuple(shares))
