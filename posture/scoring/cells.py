"""From counts of resources to sums, and from sums to percentages."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from types import MappingProxyType

WEIGHTS: Mapping[str, int] = MappingProxyType(
    {"CRITICAL": 10, "HIGH": 5, "MEDIUM": 2, "LOW": 1, "INFORMATIONAL": 0}
)

# Each cell's share is rounded once, to this many decimals; sums of shares are then exact, so the
# order of accounts and the nesting of OUs cannot change a score.
SHARE_PLACES = 10
_SHARE = Decimal(1).scaleb(-SHARE_PLACES)
# A million cells differ from exact fractions by less than this, so that a true tie such as 94.95
# is found again before it is rounded half up.
PERCENT = Decimal("1e-7")
_TENTH = Decimal("0.1")
_ALMOST = Decimal("99.9")
_HUNDRED = Decimal(100)
_ZERO = Decimal(0)


class CellState(StrEnum):
    EVALUATED = "EVALUATED"
    EXCEPTED = "EXCEPTED"
    UNKNOWN = "UNKNOWN"
    NOT_APPLICABLE = "NOT_APPLICABLE"


@dataclass(frozen=True, slots=True)
class Counts:
    """Distinct resources of one cell, by bucket. A resource is in exactly one of them."""

    passed: int = 0
    failed: int = 0
    excepted: int = 0
    unknown: int = 0


def cell_state(counts: Counts) -> CellState:
    if counts.passed + counts.failed > 0:
        return CellState.EVALUATED
    if counts.excepted > 0:
        return CellState.EXCEPTED
    return CellState.UNKNOWN if counts.unknown > 0 else CellState.NOT_APPLICABLE


@dataclass(frozen=True, slots=True)
class Sums:
    """Numerators (n) and denominators (d) in weight units, SHARE_PLACES decimals at most.

    `failed` is the number of failing resources, those of weight 0 included.
    """

    managed_n: Decimal = _ZERO
    managed_d: Decimal = _ZERO
    raw_n: Decimal = _ZERO
    raw_d: Decimal = _ZERO
    coverage_n: Decimal = _ZERO
    coverage_d: Decimal = _ZERO
    exception_n: Decimal = _ZERO
    exception_d: Decimal = _ZERO
    failed: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            self.managed_n + other.managed_n,
            self.managed_d + other.managed_d,
            self.raw_n + other.raw_n,
            self.raw_d + other.raw_d,
            self.coverage_n + other.coverage_n,
            self.coverage_d + other.coverage_d,
            self.exception_n + other.exception_n,
            self.exception_d + other.exception_d,
            self.failed + other.failed,
        )

    @classmethod
    def zero(cls) -> "Sums":
        return cls()

    @classmethod
    def total(cls, parts: "Iterable[Sums]") -> "Sums":
        return sum(parts, cls())

    @classmethod
    def of_cell(cls, counts: Counts, *, weight: int, criticality: int | Decimal = 1) -> "Sums":
        """One cell's share. `criticality` is the account's factor, 1 unless it is set."""
        full = Decimal(weight) * criticality
        state = cell_state(counts)
        judged = counts.passed + counts.failed
        seen = judged + counts.excepted
        known = full if state in (CellState.EVALUATED, CellState.EXCEPTED) else _ZERO
        return cls(
            managed_n=_share(full, counts.passed, judged),
            managed_d=full if judged else _ZERO,
            raw_n=_share(full, counts.passed, seen),
            raw_d=full if seen else _ZERO,
            coverage_n=known,
            coverage_d=_ZERO if state is CellState.NOT_APPLICABLE else full,
            exception_n=_share(full, counts.excepted, seen),
            exception_d=full if seen else _ZERO,
            failed=counts.failed,
        )

    @property
    def lost_weight(self) -> Decimal:
        """Weight that failing resources cost the managed score: what ranks controls and accounts."""
        return self.managed_d - self.managed_n


def _share(full: Decimal, part: int, whole: int) -> Decimal:
    if not whole:
        return _ZERO
    return (full * part / whole).quantize(_SHARE, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Score:
    """Percentages 0-100 with one decimal; None means that there is nothing to divide by.

    `managed` leaves excepted resources out, `raw` counts them as failing. `exception_load` is
    the share of weight under exception.
    """

    managed: Decimal | None
    raw: Decimal | None
    coverage: Decimal | None
    exception_load: Decimal | None


def managed(sums: Sums) -> Decimal | None:
    """The managed percentage alone, for a week of a trend or one area."""
    shown = _percent(sums.managed_n, sums.managed_d)
    return min(shown, _ALMOST) if shown is not None and sums.failed else shown


def score(sums: Sums) -> Score:
    return Score(
        managed=managed(sums),
        raw=_percent(sums.raw_n, sums.raw_d),
        coverage=_percent(sums.coverage_n, sums.coverage_d),
        exception_load=_percent(sums.exception_n, sums.exception_d),
    )


def one_decimal(value: Decimal) -> Decimal:
    """Half up, away from zero, as people round."""
    return value.quantize(PERCENT, ROUND_HALF_UP).quantize(_TENTH, ROUND_HALF_UP)


def _percent(n: Decimal, d: Decimal) -> Decimal | None:
    if not d:
        return None
    shown = one_decimal(_HUNDRED * n / d)
    return min(shown, _ALMOST) if n < d else shown
