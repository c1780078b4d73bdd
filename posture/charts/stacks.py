"""Counts stacked in columns: backlog by age, and what became of the episodes that were due."""

from collections.abc import Mapping, Sequence

from django.utils.safestring import SafeString

from posture.charts.axes import Axis, beside, from_zero, grid
from posture.charts.canvas import AXIS, LABELS, Canvas, tooltip
from posture.charts.figure import Figure
from posture.charts.svg import NO_DATA, known, value_text, wrapped
from posture.charts.tables import data_table

# Bottom up: what matters most stands on the ground, where heights compare best.
SEVERITIES = ("critical", "high", "medium", "low", "informational")
# (label, in time, late, still open)
Due = tuple[str, int | None, int | None, int | None]
OUTCOMES = (("intime", "in time"), ("late", "late"), ("open", "still open"))

# Names of columns stand in two lines of about so many characters.
HEIGHT, TOP, NAMES, NAME = 220, 22, 34, 10
FILLED = 0.68
# A segment this tall carries its letter and count.
READABLE = 15
# With more columns than this, a narrow page leaves out the texts inside and above them.
DENSE = 7
AT_LEAST = "\N{GREATER-THAN OR EQUAL TO} "
# What is readable on a fill, in both themes; on the others dark text is.
_INKS = {"critical": "on", "open": "on", "intime": "in", "late": "lab"}


def ages(
    bands: Sequence[tuple[str, Mapping[str, int | None]]],
    *,
    name: str,
    measure: str = "old",
    title: str = "",
    px: int | None = None,
) -> Figure:
    """Open findings by age band, stacked by severity; None is "no data", drawn hatched.

    :param measure: what the bands say of them: "old", or "late".
    """
    used = [s for s in SEVERITIES if any(s in counts for _, counts in bands)]
    stacks = [(label, [(s, s, counts.get(s)) for s in used]) for label, counts in bands]
    canvas = Canvas(HEIGHT, px, AXIS)
    axis = _axis(stacks)
    title, summary = title or _ages_title(bands, name, measure), _ages_summary(bands)
    parts = [grid(canvas, axis), *_drawn(canvas, axis, stacks)]
    body = [[label, *(value_text(count) for _, _, count in segments)] for label, segments in stacks]
    table = data_table(["Age", *(s.capitalize() for s in used)], body, f"{name} by age")
    svg = canvas.svg(parts, title=title, summary=summary)
    return Figure(title, summary, svg, table, AXIS.css)


def cohort(columns: Sequence[Due], *, name: str, title: str = "", px: int | None = None) -> Figure:
    """By due date: closed in time, closed late, still open; the share in time above each column.

    An episode that is still open counts as missed at once, so waiting never helps.
    """
    stacks = [
        (label, [(css, word, count) for (css, word), count in zip(OUTCOMES, counts, strict=True)])
        for label, *counts in columns
    ]
    canvas = Canvas(HEIGHT, px, LABELS)
    axis = _axis(stacks)
    title, summary = title or _cohort_title(columns, name), _cohort_summary(columns)
    parts = [
        grid(canvas, axis),
        *_drawn(canvas, axis, stacks, [_head(column) for column in columns]),
        beside(canvas, _last_labels(axis, stacks), floor=axis.floor),
    ]
    svg = canvas.svg(parts, title=title, summary=summary)
    return Figure(title, summary, svg, _cohort_table(columns, name), LABELS.css)


# A column: its label, and its segments as (class, word, count) from the bottom up.
_Stack = tuple[str, Sequence[tuple[str, str, int | None]]]


def _axis(stacks: Sequence[_Stack]) -> Axis:
    sums = [sum(known(count for _, _, count in segments)) for _, segments in stacks]
    return from_zero(sums, top=TOP, floor=HEIGHT - NAMES)


def _drawn(
    canvas: Canvas, axis: Axis, stacks: Sequence[_Stack], heads: Sequence[str] = ()
) -> list[str]:
    width, parts = 1 / max(len(stacks), 1), []
    every, dense = max(1, -(-len(stacks) // 13)), " dense" if len(stacks) > DENSE else ""
    for index, (label, segments) in enumerate(stacks):
        left, middle = (index + (1 - FILLED) / 2) * width, (index + 0.5) * width
        bar, y = _segments(canvas, axis, segments, (left, FILLED * width), dense)
        head = heads[index] if heads else _total_text(segments)
        parts += [bar, canvas.text(f"lab m{dense}", (middle, y - 6), head)]
        if (len(stacks) - 1 - index) % every == 0:
            is_odd = (len(stacks) - 1 - index) // every % 3
            css = f"ax m{dense if is_odd else ''}"
            parts += [
                canvas.text(css, (middle, axis.floor + 15 + 12 * line), text)
                for line, text in enumerate(wrapped(label, width=NAME, lines=2))
            ]
        said = [label, head, *(f"{value_text(count)} {word}" for _, word, count in segments[::-1])]
        parts.append(tooltip(canvas, (index * width, (index + 1) * width), said, floor=axis.floor))
    if not stacks:
        parts.append(canvas.text("ax m", (0.5, HEIGHT / 2), f"{NO_DATA} yet"))
    return parts


def _segments(
    canvas: Canvas,
    axis: Axis,
    segments: Sequence[tuple[str, str, int | None]],
    span: tuple[float, float],
    dense: str,
) -> tuple[str, float]:
    """The column, and where its top is."""
    left, width = span
    y, parts = axis.floor, []
    if segments and not known(count for _, _, count in segments):
        return canvas.rect("none", (left, y - 16), (width, 16), radius=2), y - 16
    for css, word, count in segments:
        if not count:
            continue
        tall = axis.floor - axis.y(count)
        y -= tall
        parts.append(canvas.rect(f"f-{css}", (left, y), (width, max(tall - 1, 1)), radius=1))
        if tall >= READABLE:
            ink = _INKS.get(css, "dk")
            text = f"{word[0].upper()} {count:,}"
            parts.append(
                canvas.text(f"{ink} m{dense}", (left + width / 2, y + tall / 2 + 3.5), text)
            )
    return "".join(parts), y


def _total_text(segments: Sequence[tuple[str, str, int | None]]) -> str:
    """The sum; at least so much where one of the counts is unknown."""
    counts = known(count for _, _, count in segments)
    if not counts:
        return NO_DATA
    return f"{AT_LEAST if len(counts) < len(segments) else ''}{sum(counts):,.0f}"


def _last_labels(axis: Axis, stacks: Sequence[_Stack]) -> list[tuple[float, str, str]]:
    """Words for the segments, at the height they have in the newest column that has them all."""
    segments = next((found for _, found in reversed(stacks) if any(c for _, _, c in found)), ())
    y, labels = axis.floor, []
    for _, word, count in segments:
        tall = axis.floor - axis.y(count or 0)
        labels.append((y - tall / 2, f"{word[0].upper()} {word}", "ax"))
        y -= tall
    return labels


def _ages_title(
    bands: Sequence[tuple[str, Mapping[str, int | None]]], name: str, measure: str
) -> str:
    sums = [(label, sum(known(counts.values()))) for label, counts in bands if counts]
    total = sum(count for _, count in sums)
    if not any(known(counts.values()) for _, counts in bands):
        return f"{name}: {NO_DATA}"
    if not total:
        return f"{name}: nothing open"
    label, most = max(sums, key=lambda item: item[1])
    return f"{name}: {total:,.0f} open, most of them {label} {measure} ({most:,.0f})"


def _ages_summary(bands: Sequence[tuple[str, Mapping[str, int | None]]]) -> str:
    told = []
    for label, counts in bands:
        shown = ", ".join(f"{value_text(n)} {s}" for s, n in counts.items())
        told.append(f"{label}: {shown if known(counts.values()) else NO_DATA}")
    return f"{'; '.join(told)}." if told else "No open finding has an age yet."


def _share(column: Due) -> float | None:
    counts = known(column[1:])
    total = sum(counts)
    return 100 * (column[1] or 0) / total if counts and total else None


def _share_text(column: Due) -> str:
    if not known(column[1:]):
        return NO_DATA
    share = _share(column)
    return "none due" if share is None else f"{value_text(share)}%"


def _head(column: Due) -> str:
    """What stands above the column, where there is little room: rounded down, so 100% is all."""
    share = _share(column)
    return _share_text(column) if share is None else f"{int(share)}%"


def _cohort_title(columns: Sequence[Due], name: str) -> str:
    told = [column for column in columns if _share(column) is not None]
    if not told:
        return f"{name}: {'nothing was due' if columns else NO_DATA}"
    return f"{name}: {_share_text(told[-1])} in time of those due in {told[-1][0]}"


def _cohort_summary(columns: Sequence[Due]) -> str:
    counts = [column[1:] for column in columns]
    sums = [sum(known(column[index] for column in counts)) for index in range(len(OUTCOMES))]
    if not sum(sums):
        return "Nothing was due."
    told = ", ".join(
        f"{count:,.0f} {word}" for count, (_, word) in zip(sums, OUTCOMES, strict=True)
    )
    return f"Of {sum(sums):,.0f} due in {len(columns)} weeks: {told}. Still open counts as missed."


def _cohort_table(columns: Sequence[Due], name: str) -> SafeString:
    body = [
        [column[0], *(value_text(count) for count in column[1:]), _share_text(column)]
        for column in columns
    ]
    heading = ["Due in", "In time", "Late", "Still open", "Share in time"]
    return data_table(heading, body[::-1], f"{name}, by due date")
