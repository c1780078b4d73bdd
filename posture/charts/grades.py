"""How many accounts have which grade, as one bar of a hundred percent."""

from collections.abc import Iterable, Mapping

from posture.charts.canvas import FLUSH, Canvas, tooltip
from posture.charts.figure import Figure
from posture.charts.svg import NO_DATA, value_text
from posture.charts.tables import data_table

LETTERS = ("A", "B", "C", "D", "F", "NR")
HEIGHT, TALL = 58, 34
# Of the width: a narrower segment has its letter below only.
READABLE = 0.07


def grades(
    counts: Mapping[str, int] | Iterable[tuple[str, int]],
    *,
    name: str = "Accounts",
    title: str = "",
    px: int | None = None,
) -> Figure:
    """Segments with their letters from A to NR (not rated, hatched)."""
    found = dict(counts)
    shown = [(letter, found.get(letter) or 0) for letter in LETTERS]
    total = sum(count for _, count in shown)
    canvas = Canvas(HEIGHT, px, FLUSH)
    title = title or _title(shown, total, name)
    summary = _summary(shown, total)
    parts = _segments(canvas, shown, total)
    body = [[letter, f"{count:,}", _share(count, total)] for letter, count in shown]
    table = data_table(["Grade", name, "Share"], body, f"{name} by grade")
    return Figure(title, summary, canvas.svg(parts, title=title, summary=summary), table)


def _segments(canvas: Canvas, shown: list[tuple[str, int]], total: int) -> list[str]:
    if not total:
        empty = canvas.rect("none", (0, 0), (1, TALL), radius=5)
        return [empty, canvas.text("ax m", (0.5, TALL / 2 + 4), NO_DATA)]
    parts, left, below = [], 0.0, []
    for letter, count in shown:
        width = count / total
        if not count:
            continue
        parts.append(
            canvas.rect(
                f"g-{letter.lower()}", (left, 0), (max(width - 0.002, 0.002), TALL), radius=2
            )
        )
        if width >= READABLE:
            at = (left + width / 2, TALL / 2 + 4)
            parts.append(canvas.text("in m", at, f"{letter} {count:,}"))
        else:
            below.append(f"{letter} {count:,}")
        said = ["Not rated" if letter == "NR" else f"Grade {letter}", f"{count:,}"]
        said.append(_share(count, total))
        parts.append(tooltip(canvas, (left, left + width), said, floor=TALL))
        left += width
    if below:
        parts.append(canvas.text("ax e", (1, TALL + 16), f"and {', '.join(below)}"))
    return parts


def _share(count: int, total: int) -> str:
    return f"{value_text(100 * count / total)}%" if total else NO_DATA


def _title(shown: list[tuple[str, int]], total: int, name: str) -> str:
    if not total:
        return f"{name} by grade: {NO_DATA}"
    good = sum(count for letter, count in shown if letter in ("A", "B"))
    return f"{good:,} of {total:,} {name.lower()} have grade A or B"


def _summary(shown: list[tuple[str, int]], total: int) -> str:
    if not total:
        return "Nothing has been graded yet."
    told = [f"{count:,} {'not rated' if x == 'NR' else x}" for x, count in shown if count]
    return f"{', '.join(told)}."
