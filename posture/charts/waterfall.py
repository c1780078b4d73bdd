"""Why a score moved: from the one before, by its parts, to the one now."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from posture.charts.axes import Axis, around, cut_note, grid
from posture.charts.canvas import AXIS, Canvas, tooltip
from posture.charts.figure import Figure
from posture.charts.svg import NO_DATA, Number, signed_text, value_text, wrapped
from posture.charts.tables import data_table

# (label, points, what caused them)
Part = tuple[str, Number | None, str]

HEIGHT, TOP, NAMES, NOTES = 224, 24, 22, 40
# Of the width of a step; the rest is the gap between two.
FILLED = 0.62


@dataclass(frozen=True, slots=True)
class _Step:
    """A column from `start` to `end`; without an `end` there is no data for it."""

    label: str
    start: float
    end: float | None
    text: str
    note: str
    is_total: bool

    @property
    def css(self) -> str:
        if self.is_total:
            return "f-total"
        return "f-up" if self.end is not None and self.end >= self.start else "f-down"


def waterfall(
    parts: Sequence[Part],
    *,
    before: Number | None,
    after: Number | None,
    name: str = "Score",
    title: str = "",
    px: int | None = None,
) -> Figure:
    """Columns from `before` over the parts to `after`; points of a part may be unknown (None)."""
    steps = _steps(parts, before, after)
    room = NOTES if any(step.note for step in steps) else 0
    canvas = Canvas(HEIGHT + room, px, AXIS)
    levels = [level for step in steps for level in (step.start, step.end) if level is not None]
    axis = around(levels, top=TOP, floor=HEIGHT - NAMES)
    if before is None and after is None:
        levels, axis = [], around([-1.0, 1.0, *levels], top=TOP, floor=HEIGHT - NAMES)
    title = title or _title(name, before, after)
    summary = _summary(parts, before)
    drawn = [grid(canvas, axis), cut_note(canvas, axis), *_columns(canvas, axis, steps)]
    return Figure(
        title,
        summary,
        canvas.svg(drawn, title=title, summary=summary, css="noted" if room else ""),
        _table(parts, before, after, name),
        AXIS.css,
    )


def _steps(parts: Sequence[Part], before: Number | None, after: Number | None) -> list[_Step]:
    level = float(before) if before is not None else 0.0
    first = None if before is None else level
    steps = [_Step("Before", 0.0 if first is None else first, first, value_text(before), "", True)]
    for label, points, note in parts:
        end = None if points is None else level + float(points)
        steps.append(_Step(label, level, end, signed_text(points), note, False))
        level = level if end is None else end
    last = None if after is None else float(after)
    return [*steps, _Step("Now", level, last, value_text(after), "", True)]


def _columns(canvas: Canvas, axis: Axis, steps: Sequence[_Step]) -> list[str]:
    width, parts = 1 / len(steps), []
    for index, step in enumerate(steps):
        left = (index + (1 - FILLED) / 2) * width
        parts.append(_column(canvas, axis, step, (left, FILLED * width)))
        if index + 1 < len(steps):
            level = axis.y(step.start if step.end is None else step.end)
            end = left + FILLED * width
            parts.append(canvas.line("link", (end, level), (end + (1 - FILLED) * width, level)))
        middle = (index + 0.5) * width
        parts.append(canvas.text("ax nm m", (middle, axis.floor + 15), step.label))
        parts += [
            canvas.text("sm m", (middle, axis.floor + 29 + 12 * line), text)
            for line, text in enumerate(wrapped(step.note, width=17, lines=3))
        ]
        said = [step.label, step.text, *([step.note] if step.note else [])]
        parts.append(tooltip(canvas, (index * width, (index + 1) * width), said, floor=axis.floor))
    return parts


def _column(canvas: Canvas, axis: Axis, step: _Step, span: tuple[float, float]) -> str:
    left, width = span
    middle = left + width / 2
    if step.end is None:
        box = canvas.rect("none", (left, axis.y(step.start) - 10), (width, 20), radius=2)
        return box + canvas.text("lab m", (middle, axis.y(step.start) - 16), NO_DATA)
    ends = (axis.low if step.is_total else step.start), step.end
    high, low = axis.y(max(ends)), axis.y(min(ends))
    bar = canvas.rect(step.css, (left, high), (width, max(low - high, 2)), radius=1.5)
    if step.is_total and axis.is_cut:
        bar += canvas.mark((middle, low - 9), f'<path{canvas.paint("break")} d="{_CUT}"/>')
    return bar + canvas.text("lab m", (middle, high - 6), step.text)


# Two slanted strokes across a column whose foot is not zero.
_CUT = "M-9 3L9 -3L9 1L-9 7Z"


def _title(name: str, before: Number | None, after: Number | None) -> str:
    if after is None:
        return f"{name}: {NO_DATA}"
    if before is None:
        return f"{name} {value_text(after)}, with nothing to compare it with yet"
    change = float(after) - float(before)
    if round(change, 1) == 0:
        return f"{name} unchanged at {value_text(after)}"
    size = value_text(abs(change))
    return f"{name} {'rose' if change > 0 else 'fell'} {size} points to {value_text(after)}"


def _summary(parts: Sequence[Part], before: Number | None) -> str:
    told = [
        f"{label.lower()} {signed_text(points)}{f' ({note})' if note else ''}"
        for label, points, note in parts
    ]
    if not told:
        return "No parts to show."
    start = f"From {value_text(before)}: " if before is not None else ""
    text = f"{start}{', '.join(told)}."
    return text[0].upper() + text[1:]


def _table(
    parts: Sequence[Part], before: Number | None, after: Number | None, name: str
) -> SafeString:
    body = [
        ["Before", value_text(before), ""],
        *([label, signed_text(points), note] for label, points, note in parts),
        ["Now", value_text(after), ""],
    ]
    return data_table(["Part", "Points", "Cause"], body, f"{name}, what moved it", texts=["Cause"])
