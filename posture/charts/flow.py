"""What came and what went in each week, and what is left of the difference."""

from collections.abc import Sequence
from typing import NamedTuple

from posture.charts.axes import Axis, beside, from_zero, grid, names_below
from posture.charts.canvas import LABELS, Canvas, tooltip
from posture.charts.figure import Figure
from posture.charts.svg import NO_DATA, known, runs, signed_text, value_text
from posture.charts.tables import data_table

HEIGHT, TOP, NAMES = 232, 18, 24
FILLED = 0.62


class Week(NamedTuple):
    """Counts of one week; `entries` came with new controls or accounts and are drawn apart."""

    label: str
    opened: int | None
    reopened: int | None
    closed: int | None
    entries: int | None = None

    @property
    def net(self) -> int | None:
        """Opened and reopened minus closed; the entries are nobody's doing and stay out."""
        if self.opened is None or self.closed is None:
            return None
        return self.opened + (self.reopened or 0) - self.closed


def flow(
    weeks: Sequence[Week | tuple[str, int | None, int | None, int | None]],
    *,
    name: str,
    title: str = "",
    px: int | None = None,
) -> Figure:
    """Columns up for opened, down for closed, and a line for the net flow; oldest first."""
    rows = [Week(*week) for week in weeks]
    canvas = Canvas(HEIGHT, px, LABELS)
    axis = _axis(rows)
    title, summary = title or _title(rows, name), _summary(rows)
    parts = [grid(canvas, axis), *_columns(canvas, axis, rows), _net(canvas, axis, rows)]
    parts.append(canvas.line("zero", (0, axis.y(0)), (1, axis.y(0))))
    places = [_x(rows, index) for index in range(len(rows))]
    parts.append(names_below(canvas, [row.label for row in rows], places, HEIGHT - 6))
    parts.append(beside(canvas, _labels(axis, rows), floor=axis.floor))
    parts += _tips(canvas, axis, rows)
    if not known(row.net for row in rows):
        parts.append(canvas.text("ax m", (0.5, HEIGHT / 2), f"{NO_DATA} yet"))
    body = [
        [row.label, *(value_text(count) for count in row[1:4]), signed_text(row.net)]
        + ([value_text(row.entries)] if _has_entries(rows) else [])
        for row in rows
    ]
    heads = ["Week", "Opened", "Reopened", "Closed", "Net"]
    heads += ["New controls or accounts"] if _has_entries(rows) else []
    table = data_table(heads, body[::-1], f"{name} by week")
    svg = canvas.svg(parts, title=title, summary=summary)
    return Figure(title, summary, svg, table, LABELS.css)


def _has_entries(rows: Sequence[Week]) -> bool:
    return any(row.entries is not None for row in rows)


def _rising(row: Week) -> list[tuple[str, str, int | None]]:
    return [
        ("opened", "opened", row.opened),
        ("reopened", "reopened", row.reopened),
        ("entries", "entries", row.entries),
    ]


def _axis(rows: Sequence[Week]) -> Axis:
    tops = [sum(known(count for _, _, count in _rising(row))) for row in rows]
    lows = [-count for count in known(row.closed for row in rows)]
    return from_zero([*tops, *lows], top=TOP, floor=HEIGHT - NAMES)


def _x(rows: Sequence[Week], index: int) -> float:
    return (index + 0.5) / max(len(rows), 1)


def _columns(canvas: Canvas, axis: Axis, rows: Sequence[Week]) -> list[str]:
    width, parts = FILLED / max(len(rows), 1), []
    for index, row in enumerate(rows):
        left, level = _x(rows, index) - width / 2, 0.0
        if row.net is None:
            parts.append(canvas.rect("none", (left, axis.y(0) - 8), (width, 16), radius=2))
            continue
        for css, _, count in _rising(row):
            if count:
                high, low = axis.y(level + count), axis.y(level)
                size = (width, max(low - high - 0.75, 0.75))
                parts.append(canvas.rect(f"f-{css}", (left, high), size, radius=1))
                level += count
        if row.closed:
            at, foot = axis.y(0), axis.y(-row.closed)
            parts.append(canvas.rect("f-closed", (left, at), (width, foot - at), radius=1))
    return parts


def _net(canvas: Canvas, axis: Axis, rows: Sequence[Week]) -> str:
    paths, dots = [], []
    dot = f'<circle{canvas.paint("ndot")} r="3"/>'
    for stretch in runs([row.net for row in rows]):
        points = [(_x(rows, index), axis.y(value)) for index, value in stretch]
        path = "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in canvas.across(points))
        paths.append(f'<path{canvas.paint("net")} d="{path}"/>')
        dots += [canvas.mark(point, dot) for point in points]
    return canvas.stretched("".join(paths)) + "".join(dots)


def _labels(axis: Axis, rows: Sequence[Week]) -> list[tuple[float, str, str]]:
    """Words and counts of the newest week, at the height of its columns."""
    last = next((row for row in reversed(rows) if row.net is not None), None)
    if last is None or last.net is None:
        return []
    level, labels = 0.0, [(axis.y(last.net), f"net {signed_text(last.net)}", "lab")]
    for _, word, count in _rising(last):
        if count:
            labels.append((axis.y(level + count / 2), f"{word} {count:,}", "ax"))
            level += count
    if last.closed:
        labels.append((axis.y(-last.closed / 2), f"closed {last.closed:,}", "ax"))
    return labels


def _tips(canvas: Canvas, axis: Axis, rows: Sequence[Week]) -> list[str]:
    width, parts = 1 / max(len(rows), 1), []
    for index, row in enumerate(rows):
        lines = [row.label, NO_DATA]
        if row.net is not None:
            told = [(word, count) for _, word, count in _rising(row) if count]
            lines = [row.label, f"net {signed_text(row.net)}"]
            lines += [f"{count:,} {word}" for word, count in [*told, ("closed", row.closed or 0)]]
        band = (index * width, (index + 1) * width)
        parts.append(tooltip(canvas, band, lines, floor=axis.floor))
    return parts


def _title(rows: Sequence[Week], name: str) -> str:
    told = [row for row in rows if row.net is not None]
    if not told:
        return f"{name}: {NO_DATA}"
    last = told[-1]
    assert last.net is not None  # those without are left out above
    if not last.net:
        return f"{name}: as many closed as opened in {last.label}"
    size, more = (
        f"{abs(last.net):,}",
        "opened than closed" if last.net > 0 else "closed than opened",
    )
    return f"{name}: {size} more {more} in {last.label}"


def _summary(rows: Sequence[Week]) -> str:
    told = [row for row in rows if row.net is not None]
    if not told:
        return "No week has data yet."
    opened = sum(known(row.opened for row in told))
    reopened = sum(known(row.reopened for row in told))
    closed = sum(known(row.closed for row in told))
    text = (
        f"In {len(told)} weeks {opened:,.0f} opened, {reopened:,.0f} reopened, {closed:,.0f} closed"
    )
    missing = len(rows) - len(told)
    return f"{text}; {missing} of {len(rows)} weeks without data." if missing else f"{text}."
