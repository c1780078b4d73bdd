"""From stored parts to the number that is shown, and what to think of it."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final

from posture.kpis.cards import Kpi, Part, Unit
from posture.scoring import one_decimal

# Of fewer things a percentage jumps about: it is shown with its counts, without a status.
FEW: Final = 20
_HUNDRED: Final = Decimal(100)
_ALMOST: Final = Decimal("99.9")
_LITTLE: Final = Decimal("0.1")
_SHARES: Final = (Unit.PERCENT, Unit.SCORE)


class Status(StrEnum):
    """How a value stands against its target, and against nothing else."""

    ON_TARGET = "ON_TARGET"
    WATCH = "WATCH"
    OFF_TARGET = "OFF_TARGET"
    NO_DATA = "NO_DATA"
    TOO_FEW = "TOO_FEW"
    NO_TARGET = "NO_TARGET"


_WORST_FIRST: Final = (
    Status.OFF_TARGET,
    Status.WATCH,
    Status.ON_TARGET,
    Status.TOO_FEW,
    Status.NO_DATA,
    Status.NO_TARGET,
)


def value(
    kpi: Kpi | Part,
    *,
    numerator: Decimal,
    denominator: Decimal,
    covered: Decimal,
    expected: Decimal,
) -> Decimal | None:
    """The number to show, in the unit of `kpi`: one decimal, counts whole; None is "no data".

    A share never rounds to what it is not: 100.0 means all, and where less is better 0.0 means none.

    :param covered: of `expected`, how much of what it is made from there was.
    """
    if not covered or not expected:
        return None
    if kpi.unit is Unit.COUNT:
        return numerator.quantize(Decimal(1), ROUND_HALF_UP)
    if not denominator:
        return None
    if kpi.unit is Unit.DAYS:
        return one_decimal(numerator / denominator)
    shown = one_decimal(_HUNDRED * numerator / denominator)
    if kpi.unit not in _SHARES:
        return shown
    if kpi.is_better_higher and numerator < denominator:
        return min(shown, _ALMOST)
    if not kpi.is_better_higher and numerator > 0:
        return max(shown, _LITTLE)
    return shown


def status(kpi: Kpi | Part, value: Decimal | None, *, denominator: Decimal) -> Status:
    """How a value of `kpi` stands against its own target."""
    if value is None:
        return Status.NO_DATA
    if kpi.target is None:
        return Status.NO_TARGET
    if kpi.unit is Unit.PERCENT and not kpi.is_weighted and denominator < FEW:
        return Status.TOO_FEW
    if _reaches(kpi, value, kpi.target):
        return Status.ON_TARGET
    if kpi.amber is not None and _reaches(kpi, value, kpi.amber):
        return Status.WATCH
    return Status.OFF_TARGET


def is_missed(kpi: Kpi | Part, value: Decimal | None) -> bool:
    """Whether a value misses its own target, however few things it is made of."""
    return value is not None and kpi.target is not None and not _reaches(kpi, value, kpi.target)


def worst(statuses: Iterable[Status]) -> Status:
    """The one word for a KPI with lines beside it that have targets of their own.

    What has no data or no target says nothing beside one that does.
    """
    found = set(statuses)
    return next((one for one in _WORST_FIRST if one in found), Status.NO_DATA)


def _reaches(kpi: Kpi | Part, value: Decimal, bound: Decimal) -> bool:
    return value >= bound if kpi.is_better_higher else value <= bound
