"""A value over time: line, target, flags and a tooltip per point."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.html import escape
from django.utils.safestring import SafeString

from posture.charts.axes import round_scale
from posture.charts.points import Point, PointLike, change_text
from posture.charts.svg import NO_DATA, Number, known, markup, runs, smooth_path, value_text

TOP, BOTTOM = 12, 24
# Width in user units of the nested drawing that is stretched to the real width.
DRAWING_WIDTH = 1000


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where values and indexes land: y in pixels, x in percent."""

    count: int
    height: int
    low: float
    high: float

    @property
    def plot_height(self) -> int:
        return self.height - TOP - BOTTOM

    def y(self, value: float) -> float:
        return TOP + (self.high - value) / (self.high - self.low) * self.plot_height

    def x(self, index: int) -> float:
        return 100.0 * index / (self.count - 1) if self.count > 1 else 50.0


def _sentence(points: Sequence[Point], name: str, unit: str) -> str:
    told = [point for point in points if point.value is not None]
    if not told:
        return f"{name}: {NO_DATA}"
    first, last = told[0], told[-1]
    text = f"{name}: {value_text(last.value, unit)} in {last.label}"
    if len(told) > 1:
        text += f", from {value_text(first.value, unit)} in {first.label}"
    missing = len(points) - len(told)
    return f"{text}; {missing} of {len(points)} without data" if missing else text


def trend(
    points: Iterable[PointLike],
    *,
    name: str,
    unit: str = "",
    target: Number | None = None,
    height: int = 212,
    tone: str = "accent",
) -> SafeString:
    """Line over time with a tooltip per point, numbered flags for notes and an optional target line.

    Points stand at equal distances, oldest first. Put `chart_table` of the same points beside it.
    """
    rows = [Point(*point) for point in points]
    values = [row.value for row in rows]
    low, high, step = round_scale([*known(values), *known([target])])
    frame = _Frame(len(rows), height, low, high)
    parts = [
        f'<svg class="chart {escape(tone)}" width="100%" height="{height}" role="img">',
        f"<title>{escape(_sentence(rows, name, unit))}</title>",
        _grid(frame, step, unit),
    ]
    if target is not None:
        y = frame.y(float(target))
        parts.append(
            f'<line class="goal" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="ax goalt" x="4" y="{y - 6:.1f}">target {escape(value_text(target, unit))}</text>'
        )
    parts += [
        _lines(frame, values),
        _x_labels(frame, [row.label for row in rows]),
        _flags(frame, rows),
    ]
    if rows and rows[-1].value is not None:
        parts.append(
            f'<svg x="{frame.x(len(rows) - 1):.2f}%" y="{frame.y(float(rows[-1].value)):.1f}" overflow="visible">'
            '<circle class="halo" r="8"/><circle class="dot" r="4"/></svg>'
        )
    if not known(values):
        parts.append(f'<text class="ax m" x="50%" y="{height / 2:.0f}">{NO_DATA} yet</text>')
    parts += [_tip(frame, rows, index, unit) for index in range(len(rows))]
    return markup([*parts, "</svg>"])


def _grid(frame: _Frame, step: float, unit: str) -> str:
    ticks = round((frame.high - frame.low) / step)
    lines = []
    for value in (frame.low + step * index for index in range(ticks + 1)):
        text = f"{value:,.0f}" if step >= 1 else f"{value:,.1f}"
        lines.append(
            f'<line class="grid" x1="0" x2="100%" y1="{frame.y(value):.1f}" y2="{frame.y(value):.1f}"/>'
            f'<text class="ax e" x="-10" y="{frame.y(value) + 3.5:.1f}">{text}{escape(unit)}</text>'
        )
    return "".join(lines)


def _lines(frame: _Frame, values: Sequence[Number | None]) -> str:
    height = frame.plot_height
    paths, dots = [], []
    for stretch in runs(values):
        if len(stretch) == 1:
            index, value = stretch[0]
            dots.append(
                f'<svg x="{frame.x(index):.2f}%" y="{frame.y(value):.1f}" overflow="visible"><circle class="dot" r="3.5"/></svg>'
            )
            continue
        path = smooth_path(
            [(frame.x(i) / 100 * DRAWING_WIDTH, frame.y(value) - TOP) for i, value in stretch]
        )
        start = frame.x(stretch[0][0]) / 100 * DRAWING_WIDTH
        paths.append(
            f'<path class="area" d="{path}V{height}H{start:.1f}Z"/><path class="ln" d="{path}"/>'
        )
    return (
        f'<svg viewBox="0 0 {DRAWING_WIDTH} {height}" preserveAspectRatio="none" width="100%" height="{height}"'
        f' y="{TOP}" overflow="visible">{"".join(paths)}</svg>{"".join(dots)}'
    )


def _x_labels(frame: _Frame, labels: Sequence[str]) -> str:
    count = len(labels)
    every = max(1, math.ceil((count - 1) / 4))
    texts = []
    # Counted from the newest, which is always labelled; the oldest loses its label when it would touch.
    for index in range(count - 1, -1, -every):
        anchor = (
            "e" if index == count - 1 and count > 1 else "s" if index == 0 and count > 1 else "m"
        )
        texts.append(
            f'<text class="ax {anchor}" x="{frame.x(index):.2f}%" y="{frame.height - 5}">{escape(labels[index])}</text>'
        )
    return "".join(texts)


def _flags(frame: _Frame, rows: Sequence[Point]) -> str:
    noted = [
        (index, float(row.value))
        for index, row in enumerate(rows)
        if row.note and row.value is not None
    ]
    return "".join(
        f'<line class="note" x1="{frame.x(index):.2f}%" x2="{frame.x(index):.2f}%" y1="{frame.y(value) - 8:.1f}" y2="{frame.y(value) - 26:.1f}"/>'
        f'<svg class="flag" x="{frame.x(index):.2f}%" y="{frame.y(value) - 34:.1f}" overflow="visible"><circle r="8.5"/><text y="3.6">{number}</text></svg>'
        for number, (index, value) in enumerate(noted, start=1)
    )


def _tip(frame: _Frame, rows: Sequence[Point], index: int, unit: str) -> str:
    """The band around a point that shows its tooltip while the pointer is over it."""
    row, x = rows[index], frame.x(index)
    half = 50 / max(len(rows) - 1, 1)
    left, right = max(0.0, x - half), min(100.0, x + half)
    floor = frame.height - BOTTOM
    y = frame.y(float(row.value)) if row.value is not None else TOP
    dot = f'<svg x="{x:.2f}%" y="{y:.1f}" overflow="visible"><circle class="dot" r="4"/></svg>'
    # The empty title keeps the chart's own title from popping up over the tooltip.
    return (
        f'<g class="hit"><title></title>'
        f'<rect x="{left:.2f}%" width="{right - left:.2f}%" y="0" height="{floor}"/>'
        f'<line x1="{x:.2f}%" x2="{x:.2f}%" y1="{y:.1f}" y2="{floor}"/>'
        f"{dot if row.value is not None else ''}{_tip_box(frame, rows, index, unit)}</g>"
    )


def _tip_box(frame: _Frame, rows: Sequence[Point], index: int, unit: str) -> str:
    row, x = rows[index], frame.x(index)
    y = frame.y(float(row.value)) if row.value is not None else frame.height / 2
    width, height = (236, 64) if row.note else (118, 46)
    # Left of the first point, right of the last and in proportion between: never outside the chart.
    left = -width * x / 100
    top = min(max(y + 14, 4), frame.height - height - 2)
    start, end = left + 12, left + width - 12
    note = f'<text class="t3" x="{start:.0f}" y="53">{escape(row.note)}</text>' if row.note else ""
    return (
        f'<svg class="tip" x="{x:.2f}%" y="{top:.0f}" overflow="visible">'
        f'<rect x="{left:.0f}" width="{width}" height="{height}" rx="8"/>'
        f'<text class="t1" x="{start:.0f}" y="18">{escape(row.label)}</text>'
        f'<text class="t2" x="{start:.0f}" y="36">{escape(value_text(row.value, unit))}</text>'
        f'<text class="t1" x="{end:.0f}" y="36" text-anchor="end">{change_text(rows, index)}</text>'
        f"{note}</svg>"
    )
