"""A value over the weeks with the limits of its own noise, so that signals stand out from it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from django.utils.safestring import SafeString

from posture.charts.axes import Axis, around, beside, cut_note, grid, names_below, value_label
from posture.charts.canvas import LABELS, Canvas, tooltip
from posture.charts.figure import Figure
from posture.charts.points import Point, PointLike, change_text
from posture.charts.svg import DASH, NO_DATA, Number, known, runs, value_text
from posture.charts.tables import data_table

HEIGHT, TOP, NAMES = 232, 22, 24


class Xmr(Protocol):
    """Mean and natural process limits; `signals` are indexes of the points that are no noise."""

    @property
    def mean(self) -> Number: ...
    @property
    def low(self) -> Number: ...
    @property
    def high(self) -> Number: ...
    @property
    def signals(self) -> Sequence[int]: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits that were stored, for example in a frozen review."""

    mean: Number
    low: Number
    high: Number
    signals: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Plot:
    canvas: Canvas
    axis: Axis
    rows: Sequence[Point]
    unit: str

    def x(self, index: int) -> float:
        return index / (len(self.rows) - 1) if len(self.rows) > 1 else 0.5

    def within(self, value: Number) -> float:
        """A limit may lie beyond what the value can be: it is drawn at the edge."""
        return self.axis.y(min(max(float(value), self.axis.low), self.axis.high))


def control_chart(  # noqa: PLR0913 - what a KPI's history is drawn from, all of it optional
    weeks: Iterable[PointLike],
    *,
    name: str,
    xmr: Xmr | None = None,
    target: Number | None = None,
    unit: str = "",
    title: str = "",
    px: int | None = None,
) -> Figure:
    """Line with the band of its limits, its mean, target markers and ringed signals, oldest first."""
    rows = [Point(*week) for week in weeks]
    canvas = Canvas(HEIGHT, px, LABELS)
    plot = _Plot(canvas, _axis(rows, xmr, target, unit), rows, unit)
    title = title or _title(rows, name, unit, xmr)
    summary = _summary(rows, unit, xmr, target)
    parts = [
        _limits(plot, xmr),
        grid(canvas, plot.axis, unit),
        cut_note(canvas, plot.axis, unit),
        _targets(plot, target),
        _line(plot),
        _signals(plot, xmr),
        names_below(
            canvas, [row.label for row in rows], [plot.x(i) for i in range(len(rows))], HEIGHT - 6
        ),
        beside(canvas, _labels(plot, xmr, target), floor=plot.axis.floor),
        *_tips(plot, xmr),
    ]
    if not known(row.value for row in rows):
        parts.append(canvas.text("ax m", (0.5, HEIGHT / 2), f"{NO_DATA} yet"))
    svg = canvas.svg(parts, title=title, summary=summary)
    return Figure(title, summary, svg, _table(rows, name, unit, xmr), LABELS.css)


def _axis(rows: Sequence[Point], xmr: Xmr | None, target: Number | None, unit: str) -> Axis:
    limits = [] if xmr is None else [float(xmr.low), float(xmr.high)]
    values = known([*(row.value for row in rows), target])
    if values and min(values) >= 0:
        limits = [max(limit, 0.0) for limit in limits]
    if unit == "%":
        limits = [min(limit, 100.0) for limit in limits]
    return around([*values, *limits], top=TOP, floor=HEIGHT - NAMES)


def _limits(plot: _Plot, xmr: Xmr | None) -> str:
    if xmr is None:
        return ""
    high, mean, low = (plot.within(value) for value in (xmr.high, xmr.mean, xmr.low))
    lines = [("limit", high), ("mean", mean), ("limit", low)]
    return plot.canvas.rect("band", (0, high), (1, low - high)) + "".join(
        plot.canvas.line(css, (0, y), (1, y)) for css, y in lines
    )


def _labels(plot: _Plot, xmr: Xmr | None, target: Number | None) -> list[tuple[float, str, str]]:
    found = []
    if xmr is not None:
        named = [("upper", xmr.high), ("mean", xmr.mean), ("lower", xmr.low)]
        found += [
            (plot.within(v), value_label(text, _possible(v, plot.unit), plot.unit), "ax")
            for text, v in named
        ]
    if target is not None:
        found.append((plot.within(target), value_label("target", target, plot.unit), "goalt"))
    return found


def _targets(plot: _Plot, target: Number | None) -> str:
    """Markers, not a line: a target is no measurement."""
    if target is None:
        return ""
    shape = f'<path{plot.canvas.paint("mk")} d="M-4.5 3.5H4.5L0 -4.5Z"/>'
    y = plot.within(target)
    return "".join(plot.canvas.mark((plot.x(i), y), shape) for i in range(len(plot.rows)))


def _line(plot: _Plot) -> str:
    canvas, paths = plot.canvas, []
    for stretch in runs([row.value for row in plot.rows]):
        points = canvas.across((plot.x(i), plot.axis.y(value)) for i, value in stretch)
        if len(points) > 1:
            path = "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points)
            paths.append(f'<path{canvas.paint("ln")} d="{path}"/>')
    dot = f'<circle{canvas.paint("dot")} r="3.5"/>'
    dots = [
        canvas.mark((plot.x(index), plot.axis.y(row.value)), dot)
        for index, row in enumerate(plot.rows)
        if row.value is not None
    ]
    return canvas.stretched("".join(paths)) + "".join(dots)


def _possible(limit: Number, unit: str) -> Number:
    """A limit of a share beyond 0 or 100 percent is said as that end: no share is ever beyond it."""
    return min(max(limit, Decimal(0)), Decimal(100)) if unit == "%" else limit


def _signal_indexes(rows: Sequence[Point], xmr: Xmr | None) -> list[int]:
    found = () if xmr is None else xmr.signals
    return [index for index in found if 0 <= index < len(rows) and rows[index].value is not None]


def _signals(plot: _Plot, xmr: Xmr | None) -> str:
    canvas, parts = plot.canvas, []
    ring = f'<path{canvas.paint("sg")} d="M0 -8.5L8.5 0L0 8.5L-8.5 0Z"/>'
    for index in _signal_indexes(plot.rows, xmr):
        value = plot.rows[index].value
        assert value is not None  # those without are left out above
        parts.append(canvas.mark((plot.x(index), plot.axis.y(value)), ring))
    return "".join(parts)


def _tips(plot: _Plot, xmr: Xmr | None) -> list[str]:
    half = 0.5 / max(len(plot.rows) - 1, 1)
    signals = set(_signal_indexes(plot.rows, xmr))
    parts = []
    for index, row in enumerate(plot.rows):
        change = change_text(plot.rows, index)
        lines = [row.label, value_text(row.value, plot.unit)]
        lines += [f"{change} to the week before"] if change else []
        lines += ["a signal, not noise"] if index in signals else []
        lines += [row.note] if row.note else []
        x = plot.x(index)
        band = (max(x - half, 0.0), min(x + half, 1.0))
        parts.append(tooltip(plot.canvas, band, lines, floor=plot.axis.floor))
    return parts


def _title(rows: Sequence[Point], name: str, unit: str, xmr: Xmr | None) -> str:
    told = [(index, row) for index, row in enumerate(rows) if row.value is not None]
    if not told:
        return f"{name}: {NO_DATA}"
    index, last = told[-1]
    text = f"{name}: {value_text(last.value, unit)} in {last.label}"
    if xmr is None:
        return text
    low, high = _possible(xmr.low, unit), _possible(xmr.high, unit)
    usual = f"its usual range of {value_text(low, unit)} to {value_text(high, unit)}"
    assert last.value is not None  # those without are left out above
    if float(xmr.low) <= float(last.value) <= float(xmr.high):
        run = ", and a signal: the weeks before lean one way" if index in xmr.signals else ""
        return f"{text}, within {usual}{run}"
    return f"{text}, outside {usual}"


def _summary(rows: Sequence[Point], unit: str, xmr: Xmr | None, target: Number | None) -> str:
    told = [row for row in rows if row.value is not None]
    if not told:
        return "No week has data yet."
    values = [row.value for row in told if row.value is not None]
    weeks = "1 week" if len(told) == 1 else f"{len(told)} weeks"
    text = f"{weeks} from {value_text(told[0].value, unit)} in {told[0].label}"
    text += f", between {value_text(min(values), unit)} and {value_text(max(values), unit)}"
    if len(told) < len(rows):
        text += f"; {len(rows) - len(told)} without data"
    if target is not None:
        text += f"; target {value_text(target, unit)}"
    if xmr is None:
        return f"{text}. Too few weeks for limits."
    signals = _stretches(_signal_indexes(rows, xmr))
    told_signals = [
        rows[first].label if first == last else f"{rows[first].label} to {rows[last].label}"
        for first, last in signals
    ]
    return f"{text}. Signals: {', '.join(told_signals) if signals else 'none'}."


def _stretches(indexes: Sequence[int]) -> list[tuple[int, int]]:
    """(first, last) of those that follow upon each other."""
    found: list[tuple[int, int]] = []
    for index in sorted(indexes):
        if found and found[-1][1] == index - 1:
            found[-1] = found[-1][0], index
        else:
            found.append((index, index))
    return found


def _table(rows: Sequence[Point], name: str, unit: str, xmr: Xmr | None) -> SafeString:
    signals = set(_signal_indexes(rows, xmr))
    body = [
        [
            row.label,
            value_text(row.value, unit),
            change_text(rows, index),
            "signal" if index in signals else DASH,
            row.note,
        ]
        for index, row in enumerate(rows)
    ]
    heads = ["Week", "Value", "Change", "Signal", "Note"]
    return data_table(heads, body[::-1], f"{name} by week", texts=["Signal"])
