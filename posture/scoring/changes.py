"""Why a score moved, split exactly."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import TypeVar

from posture.scoring.cells import PERCENT, Counts, Sums

Key = TypeVar("Key", bound=Hashable)
_HUNDRED = Decimal(100)
_ZERO = Decimal(0)


class Part(StrEnum):
    """The steps from one score to a later one, in the order in which they are taken."""

    EXITS = "exits"
    POSTURE = "posture"
    EXCEPTIONS = "exceptions"
    ENTRIES = "entries"


@dataclass(frozen=True, slots=True)
class Share:
    """Numerator and denominator of a managed score in weight units, or what was added to them."""

    n: Decimal = _ZERO
    d: Decimal = _ZERO

    def __add__(self, other: "Share") -> "Share":
        return Share(self.n + other.n, self.d + other.d)

    def __sub__(self, other: "Share") -> "Share":
        return Share(self.n - other.n, self.d - other.d)

    @classmethod
    def of(cls, sums: Sums) -> "Share":
        return cls(sums.managed_n, sums.managed_d)


@dataclass(frozen=True, slots=True)
class Change:
    """Points of managed score, seven decimals: the four parts sum to `total`, exactly.

    `exits` and `entries` come from cells evaluated on one date only (a control or account came or
    went), `posture` and `exceptions` from the cells evaluated on both: what was done, and what was
    granted or expired. Round each part with one_decimal to show it.
    """

    exits: Decimal
    posture: Decimal
    entries: Decimal
    exceptions: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a change: the score before it (0-1), and the denominator after it."""

    level: Decimal
    whole: Decimal

    def points(self, moved: Share) -> Decimal:
        """Points of this part that come from `moved`; over all that moved they sum to the part."""
        if self.whole <= 0:
            return _ZERO
        return _HUNDRED * (moved.n - self.level * moved.d) / self.whole


@dataclass(frozen=True, slots=True)
class Split:
    change: Change
    steps: Mapping[Part, Step]

    def points(self, part: Part, moved: Share) -> Decimal:
        """Points that `moved` (taken away or added in this part) accounts for; not rounded."""
        return self.steps[part].points(moved)


def split(before: Share, after: Share, moved: Mapping[Part, Share]) -> Split | None:
    """This will split the way from one score to another by what moved in each part.

    `moved` are differences: negative for exits. What they do not name is posture. A part after
    which nothing is left moves nothing, so without a cell in common all is entries.
    None when one of the dates has nothing evaluated.
    """
    if before.d <= 0 or after.d <= 0:
        return None
    named = {part: moved.get(part, Share()) for part in Part if part is not Part.POSTURE}
    rest = after - before - sum(named.values(), Share())
    stage, level = before, before.n / before.d
    steps, shown = {}, [_percent(level)]
    for part in Part:
        stage += rest if part is Part.POSTURE else named[part]
        steps[part] = Step(level, stage.d)
        level = stage.n / stage.d if stage.d > 0 else level
        shown.append(_percent(level))
    parts = {str(part): shown[i + 1] - shown[i] for i, part in enumerate(Part)}
    return Split(Change(**parts, total=shown[-1] - shown[0]), steps)


def change(
    before: Mapping[Key, Sums],
    after: Mapping[Key, Sums],
    registered: Mapping[Key, Sums] | None = None,
) -> Change | None:
    """This will say why the managed score moved. Each value is one cell's Sums.

    :param registered: cells of `after` whose exceptions changed, as they would be had they not
        (see as_registered); those left out stand as they are.
    """
    old = {key: Share.of(sums) for key, sums in before.items() if sums.managed_d}
    new = {key: Share.of(sums) for key, sums in after.items() if sums.managed_d}
    shared = old.keys() & new.keys()
    kept = {key: Share.of(sums) for key, sums in (registered or {}).items() if key in shared}
    moved = {
        Part.EXITS: Share() - _total(old[key] for key in old.keys() - shared),
        Part.EXCEPTIONS: _total(new[key] - share for key, share in kept.items()),
        Part.ENTRIES: _total(new[key] for key in new.keys() - shared),
    }
    found = split(_total(old.values()), _total(new.values()), moved)
    return found.change if found else None


def as_registered(before: Counts, after: Counts) -> Counts:
    """`after` under the exceptions of `before`: as many resources are excepted, the others fail."""
    failing = after.failed + after.excepted
    excepted = min(before.excepted, failing)
    return Counts(after.passed, failing - excepted, excepted, after.unknown)


def _total(shares: Iterable[Share]) -> Share:
    return sum(shares, Share())


def _percent(level: Decimal) -> Decimal:
    return (_HUNDRED * level).quantize(PERCENT, ROUND_HALF_UP)
