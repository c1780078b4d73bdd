"""A grid of percentages: the number is always printed, what is not known is hatched."""

from collections.abc import Sequence

from django.utils.html import escape

from posture.charts.canvas import FLUSH, Canvas
from posture.charts.figure import Figure
from posture.charts.marks import heat_step
from posture.charts.svg import DASH, ELLIPSIS, NO_DATA, Number, value_text, wrapped
from posture.charts.tables import data_table

Row = tuple[str, Sequence[Number | None]]
ROW, HEAD = 32, 34
# Of the width, for the names of the rows.
NAMES = 0.24
LONGEST = 24


def heat(
    rows: Sequence[Row],
    columns: Sequence[str],
    *,
    name: str,
    title: str = "",
    px: int | None = None,
) -> Figure:
    """One cell per row and column, in percent rounded down; None is hatched and said "no data"."""
    canvas = Canvas(HEAD + ROW * max(len(rows), 1), px, FLUSH)
    width = (1 - NAMES) / max(len(columns), 1)
    title, summary = title or _title(rows, columns, name), _summary(rows, columns)
    parts = [_heads(canvas, columns, width)]
    parts += [_row(canvas, index, row, columns) for index, row in enumerate(rows)]
    if not rows:
        parts.append(canvas.text("ax m", (0.5, HEAD + 20), f"{NO_DATA} yet"))
    body = [
        [label, *("no data" if v is None else f"{value_text(v)}%" for v in values)]
        for label, values in rows
    ]
    table = data_table(["", *columns], body, name)
    svg = canvas.svg(parts, title=title, summary=summary, css="heatmap")
    return Figure(title, summary, svg, table, "heat-scroll")


def _heads(canvas: Canvas, columns: Sequence[str], width: float) -> str:
    parts = []
    for index, column in enumerate(columns):
        lines = wrapped(column, width=12, lines=2)
        first = HEAD - 8 - 12 * (len(lines) - 1)
        parts += [
            canvas.text("ax m", (NAMES + (index + 0.5) * width, first + 12 * line), text)
            for line, text in enumerate(lines)
        ]
    return "".join(parts)


def _row(canvas: Canvas, index: int, row: Row, columns: Sequence[str]) -> str:
    label, values = row
    y, width = HEAD + index * ROW, (1 - NAMES) / max(len(columns), 1)
    name = label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}{ELLIPSIS}"
    parts = [canvas.text("lab s", (0, y + ROW / 2 + 4), name)]
    for place, (column, value) in enumerate(zip(columns, values, strict=True)):
        left = NAMES + place * width
        said = f"<title>{escape(f'{label}, {column}: {_cell(value, NO_DATA)}')}</title>"
        parts.append(
            canvas.rect(
                f"h{heat_step(value)}",
                (left + 0.003, y + 1.5),
                (width - 0.006, ROW - 3),
                radius=4,
                more="" if canvas.is_static else said,
            )
        )
        at = (left + width / 2, y + ROW / 2 + 4)
        parts.append(canvas.text("in m", at, _cell(value, DASH)))
    return "".join(parts)


def _cell(value: Number | None, nothing: str) -> str:
    """Rounded down, so that 99.9 never reads as complete."""
    return nothing if value is None else f"{int(value)}%"


def _known(rows: Sequence[Row], columns: Sequence[str]) -> list[tuple[float, str]]:
    return [
        (float(value), f"{column} in {label}")
        for label, values in rows
        for column, value in zip(columns, values, strict=True)
        if value is not None
    ]


def _title(rows: Sequence[Row], columns: Sequence[str], name: str) -> str:
    cells = _known(rows, columns)
    if not cells:
        return f"{name}: {NO_DATA}"
    value, place = min(cells)
    if value >= 100:
        return f"{name}: complete wherever there is data"
    return f"{name}: lowest is {place}, {int(value)}%"


def _summary(rows: Sequence[Row], columns: Sequence[str]) -> str:
    count, told = len(rows) * len(columns), _known(rows, columns)
    full = sum(value >= 100 for value, _ in told)
    return f"{full:,} of {count:,} fields complete, {count - len(told):,} without data."
