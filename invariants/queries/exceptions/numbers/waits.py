"""How long things take, with those that have not ended counted for as long as they have waited."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

MEDIAN: Final = Fraction(1, 2)
NINE_OF_TEN: Final = Fraction(9, 10)


@dataclass(frozen=True, slots=True)
class Wait:
    """Days; `is_over` False: it lasts, or has left our sight, and took at least as long as this."""

    days: Decimal
    is_over: bool


def by_when(waits: Sequence[Wait], share: Fraction) -> Decimal | None:
    """The first wait by which this share is over (Kaplan and Meier); None: not reached yet.

    The mean or median of what has ended leaves out what nobody ends, and so gets better by waiting.
    """
    left = Fraction(1)
    at_risk = len(waits)
    for days in sorted({wait.days for wait in waits}):
        same = [wait for wait in waits if wait.days == days]
        over = sum(wait.is_over for wait in same)
        left *= 1 - Fraction(over, at_risk)
        if over and left <= 1 - share:
            return days
        at_risk -= len(same)
    return None
