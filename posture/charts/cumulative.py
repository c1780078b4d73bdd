"""Cumulative flow: all that was closed since the first week, and above it what was open at the end of each.

The height of the upper band is the pile, its upper edge all that had ever come in; bands that drift
apart say that more comes than goes.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from posture.charts.axes import Axis, beside, from_zero, grid, names_below
from posture.charts.canvas import LABELS, Canvas, tooltip
from posture.charts.figure import Figure
from posture.charts.svg import NO_DATA, known, runs, value_text
from posture.charts.tables import data_table

HEIGHT, TOP, NAMES = 232, 18, 24
# Of a week's width: a week without data on either side is drawn as a column.
LONE = 0.3


class Pile(NamedTuple):
    """Of one week: how many were closed in it, and how many were open at its end."""

    label: str
    closed: int | None
    open: int | None


class _Level(NamedTuple):
    """Of one week: the sum of what was closed up to it, and of all; None without data."""

    closed: int | None
    all: int | None


def cumulative(
    weeks: Sequence[Pile | tuple[str, int | None, int | None]],
    *,
    name: str,
    title: str = "",
    px: int | None = None,
) -> Figure:
    """Two bands over the weeks, oldest first; a week without data is a gap, and adds to no sum."""
    rows = [Pile(*week) for week in weeks]
    levels = _levels(rows)
    canvas = Canvas(HEIGHT, px, LABELS)
    tops = known(level.all for level in levels)
    axis = from_zero(tops, top=TOP, floor=HEIGHT - NAMES)
    title, summary = title or _title(rows, levels, name), _summary(rows, levels)
    places = [_x(rows, index) for index in range(len(rows))]
    parts = [
        grid(canvas, axis),
        *_gaps(canvas, axis, levels),
        canvas.stretched("".join(_bands(canvas, axis, levels))),
        canvas.line("zero", (0, axis.y(0)), (1, axis.y(0))),
        names_below(canvas, [row.label for row in rows], places, HEIGHT - 6),
        beside(canvas, _labels(axis, levels), floor=axis.floor),
        *_tips(canvas, axis, rows, levels),
    ]
    if not tops:
        parts.append(canvas.text("ax m", (0.5, HEIGHT / 2), f"{NO_DATA} yet"))
    body = [
        [row.label, *(value_text(count) for count in (row.closed, level.closed, row.open))]
        for row, level in zip(rows, levels, strict=True)
    ]
    heads = ["Week", "Closed", "Closed so far", "Open at its end"]
    table = data_table(heads, body[::-1], f"{name}, cumulative by week")
    svg = canvas.svg(parts, title=title, summary=summary)
    return Figure(title, summary, svg, table, LABELS.css)


def _levels(rows: Sequence[Pile]) -> list[_Level]:
    sums = accumulate(row.closed or 0 for row in rows)
    return [
        _Level(None, None)
        if row.closed is None or row.open is None
        else _Level(closed, closed + row.open)
        for row, closed in zip(rows, sums, strict=True)
    ]


def _x(rows: Sequence[object], index: int) -> float:
    return (index + 0.5) / max(len(rows), 1)


def _bands(canvas: Canvas, axis: Axis, levels: Sequence[_Level]) -> list[str]:
    """The areas of each stretch of weeks with data, the lower one first."""
    width = LONE / max(len(levels), 1)
    paths = []
    for stretch in runs([level.all for level in levels]):
        steps = [(_x(levels, index), levels[index]) for index, _ in stretch]
        if len(steps) == 1:
            place, level = steps[0]
            steps = [(place - width, level), (place + width, level)]
        ground = [(x, axis.y(0)) for x, _ in steps]
        closed = [(x, axis.y(level.closed or 0)) for x, level in steps]
        top = [(x, axis.y(level.all or 0)) for x, level in steps]
        for css, low, high in (("f-closed", ground, closed), ("f-pile", closed, top)):
            outline = canvas.across([*high, *reversed(low)])
            path = "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in outline) + "Z"
            paths.append(f'<path{canvas.paint(css)} d="{path}"/>')
    return paths


def _gaps(canvas: Canvas, axis: Axis, levels: Sequence[_Level]) -> list[str]:
    width = 1 / max(len(levels), 1)
    return [
        canvas.rect("none", (index * width, axis.floor - 16), (width, 16), radius=2)
        for index, level in enumerate(levels)
        if level.all is None
    ]


def _labels(axis: Axis, levels: Sequence[_Level]) -> list[tuple[float, str, str]]:
    """Words and counts at the height of the newest week's bands."""
    last = next((level for level in reversed(levels) if level.all is not None), None)
    if last is None or last.all is None or last.closed is None:
        return []
    return [
        (axis.y((last.all + last.closed) / 2), f"open {last.all - last.closed:,}", "lab"),
        (axis.y(last.closed / 2), f"closed {last.closed:,}", "ax"),
    ]


def _tips(canvas: Canvas, axis: Axis, rows: Sequence[Pile], levels: Sequence[_Level]) -> list[str]:
    width, parts = 1 / max(len(rows), 1), []
    for index, (row, level) in enumerate(zip(rows, levels, strict=True)):
        lines = [row.label, NO_DATA]
        if level.closed is not None:
            lines = [
                row.label,
                f"{row.open:,} open",
                f"{row.closed:,} closed in the week",
                f"{level.closed:,} closed since {rows[0].label}",
            ]
        band = (index * width, (index + 1) * width)
        parts.append(tooltip(canvas, band, lines, floor=axis.floor))
    return parts


def _told(rows: Sequence[Pile], levels: Sequence[_Level]) -> list[tuple[Pile, _Level]]:
    pairs = zip(rows, levels, strict=True)
    return [(row, level) for row, level in pairs if level.all is not None]


def _title(rows: Sequence[Pile], levels: Sequence[_Level], name: str) -> str:
    told = _told(rows, levels)
    if not told:
        return f"{name}: {NO_DATA}"
    (first, _), (last, _) = told[0], told[-1]
    before, now = first.open or 0, last.open or 0
    if first is last:
        return f"{name}: {now:,} open in {last.label}"
    if now == before:
        return f"{name}: the pile is as large as in {first.label} ({now:,})"
    verb = "grew" if now > before else "shrank"
    return f"{name}: the pile {verb} from {before:,} to {now:,} since {first.label}"


def _summary(rows: Sequence[Pile], levels: Sequence[_Level]) -> str:
    told = _told(rows, levels)
    if not told:
        return "No week has data yet."
    last, level = told[-1]
    text = f"{level.closed:,} closed in {len(told)} weeks up to {last.label}, {last.open:,} open at its end"
    missing = len(rows) - len(told)
    return (
        f"{text}; {missing} of {len(rows)} weeks without data, what was closed in them is in no sum."
        if missing
        else f"{text}."
    )
