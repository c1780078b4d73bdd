"""Control charts of individual values (XmR): what is movement, and what is the usual up and down.

The rules are Wheeler's (Understanding Variation; the same as in the sources of xmrit): natural limits
at the mean plus and minus 2.66 times the mean moving range, where 2.66 is 3 / 1.128, and three signs
of movement: a value beyond a limit, eight in a row on one side of the mean, three of four nearer to
a limit than to the mean.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import Final

from posture.kpis.statistics.rounding import rounded

# The limits are those of the first so many values; what comes later is judged by them.
BASELINE: Final = 12
_SCALE: Final = Fraction(266, 100)
_RUN: Final = 8
_NEAR: Final = 3
_OF: Final = 4
# Of the published mean and limits. Signals are found with the exact ones.
_PLACES: Final = 4


class Verdict(StrEnum):
    """What the control chart says of the newest value."""

    IMPROVING = "IMPROVING"
    FLAT = "FLAT"
    WORSENING = "WORSENING"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Xmr:
    """A control chart, in the unit of its values, with four decimals.

    `signals` are the places (0 is the oldest value given) that take part in a sign of movement.
    `newest` is the last value, None where it is missing, and `is_above` whether it is above the mean.
    """

    mean: Decimal
    moving_range: Decimal
    low: Decimal
    high: Decimal
    signals: tuple[int, ...]
    newest: Decimal | None
    is_above: bool
    is_signal: bool


@dataclass(frozen=True, slots=True)
class _Limits:
    mean: Fraction
    moving_range: Fraction

    @property
    def low(self) -> Fraction:
        return self.mean - _SCALE * self.moving_range

    @property
    def high(self) -> Fraction:
        return self.mean + _SCALE * self.moving_range


def xmr(values: Sequence[Decimal | None]) -> Xmr | None:
    """Return the control chart of values, oldest first, one a week; None is a week without data.

    The limits come from the first twelve known values and stay, however many follow. A week without
    data takes part in nothing: no moving range reaches across it and it ends a run. None with fewer
    than twelve known values: limits from less would call the usual up and down a movement.
    """
    exact = [None if value is None else Fraction(value) for value in values]
    limits = _limits(exact)
    if limits is None:
        return None
    signals = sorted({*_beyond(exact, limits), *_runs(exact, limits), *_near(exact, limits)})
    newest = exact[-1]
    return Xmr(
        mean=rounded(limits.mean, _PLACES),
        moving_range=rounded(limits.moving_range, _PLACES),
        low=rounded(limits.low, _PLACES),
        high=rounded(limits.high, _PLACES),
        signals=tuple(signals),
        newest=values[-1],
        is_above=newest is not None and newest > limits.mean,
        is_signal=len(values) - 1 in signals,
    )


def verdict(chart: Xmr | None, is_better_higher: bool) -> Verdict:
    """Say what the newest value is a sign of; UNKNOWN without a chart or without that value."""
    if chart is None or chart.newest is None:
        return Verdict.UNKNOWN
    if not chart.is_signal:
        return Verdict.FLAT
    return Verdict.IMPROVING if chart.is_above == is_better_higher else Verdict.WORSENING


def _limits(values: Sequence[Fraction | None]) -> _Limits | None:
    known = [place for place, value in enumerate(values) if value is not None]
    if len(known) < BASELINE:
        return None
    baseline = values[: known[BASELINE - 1] + 1]
    own = [value for value in baseline if value is not None]
    ranges = [
        abs(second - first)
        for first, second in pairwise(baseline)
        if first is not None and second is not None
    ]
    if not ranges:
        return None
    return _Limits(
        mean=sum(own, Fraction(0)) / len(own),
        moving_range=sum(ranges, Fraction(0)) / len(ranges),
    )


def _beyond(values: Sequence[Fraction | None], limits: _Limits) -> Iterator[int]:
    for place, value in enumerate(values):
        if value is not None and not limits.low <= value <= limits.high:
            yield place


def _runs(values: Sequence[Fraction | None], limits: _Limits) -> Iterator[int]:
    """Eight in a row on one side. A value on the mean is on neither."""
    side, length = 0, 0
    for place, value in enumerate(values):
        now = 0 if value is None else (value > limits.mean) - (value < limits.mean)
        length = length + 1 if now and now == side else 1
        side = now
        if side and length == _RUN:
            yield from range(place - _RUN + 1, place + 1)
        elif side and length > _RUN:
            yield place


def _near(values: Sequence[Fraction | None], limits: _Limits) -> Iterator[int]:
    """Three of four neighbours nearer to the same limit than to the mean."""
    above, below = (limits.mean + limits.high) / 2, (limits.mean + limits.low) / 2
    for start in range(len(values) - _OF + 1):
        window = [(place, values[place]) for place in range(start, start + _OF)]
        high = [place for place, value in window if value is not None and value > above]
        low = [place for place, value in window if value is not None and value < below]
        for places in (high, low):
            if len(places) >= _NEAR:
                yield from places
