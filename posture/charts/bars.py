"""Counts as bars across, one row each: vulnerabilities by deadline, exceptions by age."""

from collections.abc import Sequence

from posture.charts.canvas import FLUSH, Canvas
from posture.charts.figure import Figure
from posture.charts.svg import NO_DATA, known, value_text
from posture.charts.tables import data_table

# (label, all of them, those of them that are past their time); None is "no data".
Bar = tuple[str, int | None, int | None]

ROW, BAR = 34, 9
# Of the width: a count above zero stays visible.
THINNEST = 0.006


def bars(
    rows: Sequence[Bar], *, name: str, past: str = "overdue", title: str = "", px: int | None = None
) -> Figure:
    """One row for each label, in the order given; the part that is past its time is at the left.

    :param past: the word for that part; "" where rows have none, then their last count is not read.
    """
    canvas = Canvas(max(len(rows), 1) * ROW, px, FLUSH)
    most = max([*known(count for _, count, _ in rows), 1.0])
    title, summary = title or _title(rows, name, past), _summary(rows, past)
    parts = [_row(canvas, place * ROW, row, most, past) for place, row in enumerate(rows)]
    if not rows:
        parts.append(canvas.text("ax m", (0.5, ROW / 2 + 4), f"{NO_DATA} yet"))
    body = [
        [label, value_text(count), *([value_text(late)] if past else [])]
        for label, count, late in rows
    ]
    heads = ["Row", "All", *([past.capitalize()] if past else [])]
    svg = canvas.svg(parts, title=title, summary=summary)
    return Figure(title, summary, svg, data_table(heads, body, name))


def _row(canvas: Canvas, y: float, row: Bar, most: float, past: str) -> str:
    label, count, late = row
    parts = [
        canvas.text("lab", (0, y + 14), label),
        canvas.text("ax e", (1, y + 14), _told(count, late, past)),
    ]
    if count is None:
        return "".join([*parts, canvas.rect("none", (0, y + 20), (1, BAR), radius=2)])
    parts.append(canvas.rect("trk", (0, y + 20), (1, BAR), radius=2))
    for css, part in (("f-bar", count), ("f-open", (late or 0) if past else 0)):
        if part:
            width = max(part / most, THINNEST)
            parts.append(canvas.rect(css, (0, y + 20), (width, BAR), radius=2))
    return "".join(parts)


def _told(count: int | None, late: int | None, past: str) -> str:
    if count is None:
        return NO_DATA
    return f"{count:,}, {value_text(late)} {past}" if past else f"{count:,}"


def _title(rows: Sequence[Bar], name: str, past: str) -> str:
    counts = known(count for _, count, _ in rows)
    if not counts:
        return f"{name}: {NO_DATA}"
    if not past:
        return f"{name}: {sum(counts):,.0f}"
    late = sum(known(late for _, _, late in rows))
    return f"{name}: {late:,.0f} of {sum(counts):,.0f} {past}"


def _summary(rows: Sequence[Bar], past: str) -> str:
    if not rows:
        return "Nothing to show yet."
    return f"{'; '.join(f'{label}: {_told(count, late, past)}' for label, count, late in rows)}."
