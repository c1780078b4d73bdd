"""Scales with round ends, their lines and labels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from posture.charts.canvas import Canvas
from posture.charts.svg import MINUS, Number, value_text

NICE_STEPS = (1.0, 2.0, 5.0, 10.0)
# Labels beside the plot keep at least this distance.
LINE_PX = 12.5


def round_scale(values: list[float]) -> tuple[float, float, float]:
    """(low, high, step) with round ends around the values; a percentage never gets an axis above 100."""
    if not values:
        return 0.0, 100.0, 50.0
    low, high = min(values), max(values)
    # A fifth of the height of the values at least: a week's noise must not look like a fall.
    step = _nice(max(high - low, 0.2 * abs(high), 1.0) / 3)
    bottom, top = math.floor(low / step) * step, math.ceil(high / step) * step
    if bottom == top:
        bottom, top = (bottom - step, top) if top == 100 else (bottom, top + step)
    return bottom, top, step


def _nice(raw: float) -> float:
    power = 10.0 ** math.floor(math.log10(raw))
    return next(nice * power for nice in NICE_STEPS if nice * power >= raw * 0.999)


@dataclass(frozen=True, slots=True)
class Axis:
    """Values from `low` at `floor` pixels to `high` at `top` pixels."""

    low: float
    high: float
    step: float
    top: float
    floor: float

    def y(self, value: Number) -> float:
        share = (self.high - float(value)) / (self.high - self.low)
        return self.top + share * (self.floor - self.top)

    @property
    def ticks(self) -> list[float]:
        count = round((self.high - self.low) / self.step)
        return [self.low + self.step * index for index in range(count + 1)]

    @property
    def is_cut(self) -> bool:
        """Whether the axis begins above zero: a chart says so."""
        return self.low > 0


def around(values: list[float], *, top: float, floor: float) -> Axis:
    """The values from edge to edge: for lines, whose lengths mean nothing."""
    return Axis(*round_scale(values), top=top, floor=floor)


def from_zero(values: list[float], *, top: float, floor: float) -> Axis:
    """The values with zero among them: for bars, whose lengths are compared; counts get whole steps."""
    low, high = min([0.0, *values]), max([0.0, *values])
    step = max(_nice(max(high - low, 1.0) / 3), 1.0)
    ends = math.floor(low / step) * step, max(math.ceil(high / step) * step, step)
    return Axis(*ends, step, top, floor)


def grid(canvas: Canvas, axis: Axis, unit: str = "") -> str:
    """Lines across at round values, labelled left of the plot."""
    digits = 0 if axis.step >= 1 else 1
    return "".join(
        canvas.line("grid", (0, axis.y(value)), (1, axis.y(value)))
        + canvas.text("ax e", (0, axis.y(value) + 3.5), _tick(value, digits, unit), dx=-8)
        for value in axis.ticks
    )


def _tick(value: float, digits: int, unit: str) -> str:
    return f"{value:,.{digits}f}{unit}".replace("-", MINUS)


def cut_note(canvas: Canvas, axis: Axis, unit: str = "") -> str:
    """Says that the axis does not begin at zero."""
    if not axis.is_cut:
        return ""
    return canvas.text("sm s", (0, 10), f"axis begins at {axis.low:,g}{unit}", dx=-6)


def names_below(canvas: Canvas, labels: Sequence[str], places: Sequence[float], y: float) -> str:
    """Labels below the plot, so many as have room, counted from the newest, which always has one."""
    count = len(labels)
    every = max(1, math.ceil((count - 1) / 6))
    texts = []
    for index in range(count - 1, -1, -every):
        share = places[index]
        side = "e" if share > 0.99 and count > 1 else "s" if share < 0.01 and count > 1 else "m"
        dense = " dense" if (count - 1 - index) // every % 2 else ""
        texts.append(canvas.text(f"ax {side}{dense}", (share, y), labels[index]))
    return "".join(texts)


def beside(canvas: Canvas, labels: Sequence[tuple[float, str, str]], *, floor: float) -> str:
    """(y, text, class) right of the plot, moved apart where they would touch."""
    texts, below = [], float("-inf")
    placed = []
    for y, text, css in sorted(labels):
        below = max(y, below + LINE_PX)
        placed.append((below, text, css))
    # What was pushed over the edge is pushed back up.
    limit = floor + 4
    for y, text, css in reversed(placed):
        limit = min(y, limit)
        texts.append(canvas.text(f"{css} s", (1, limit + 3.5), text, dx=9))
        limit -= LINE_PX
    return "".join(texts)


def value_label(name: str, value: Number, unit: str) -> str:
    return f"{name} {value_text(value, unit)}"
