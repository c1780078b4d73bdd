"""What comes in against what goes out: whether a backlog grows, and how long it would last."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from posture.kpis.statistics.rounding import rounded

# "Net at most 0 in three of four weeks."
_WEEKS: Final = 4
_ENOUGH: Final = 3


@dataclass(frozen=True, slots=True)
class Flow:
    """What was opened, opened again and closed in a stretch of time."""

    opened: int = 0
    reopened: int = 0
    closed: int = 0

    @property
    def net(self) -> int:
        """By how much the stock grew."""
        return self.opened + self.reopened - self.closed

    def __add__(self, other: "Flow") -> "Flow":
        return Flow(
            self.opened + other.opened, self.reopened + other.reopened, self.closed + other.closed
        )


def net_flow(*, opened: int, reopened: int, closed: int) -> int:
    """Return by how much the stock grew: opened + reopened - closed. Below 0 it shrank."""
    return Flow(opened, reopened, closed).net


def expected_days(*, stock: int, closed: int, days: int) -> Decimal | None:
    """Return how many days the stock lasts at the pace of the last `days`, one decimal.

    0 where nothing is left; None where nothing was closed: at that pace it never ends.
    """
    if not stock:
        return Decimal("0.0")
    return rounded(Fraction(stock * days, closed), 1) if closed else None


def is_shrinking(nets: Sequence[int | None]) -> bool | None:
    """Say whether the stock did not grow in three of the newest four weeks, oldest first.

    None where too many of them are unknown to tell.
    """
    newest = nets[-_WEEKS:]
    held = sum(net is not None and net <= 0 for net in newest)
    grew = sum(net is not None and net > 0 for net in newest)
    if held >= _ENOUGH:
        return True
    return False if grew > _WEEKS - _ENOUGH else None
