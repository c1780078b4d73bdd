"""What costs most, in order, with the share that the first ones make together."""

from collections.abc import Sequence
from decimal import Decimal

from django.utils.html import escape

from posture.charts.canvas import FLUSH, Canvas
from posture.charts.figure import Figure
from posture.charts.svg import ELLIPSIS, NO_DATA, Number, known, value_text
from posture.charts.tables import data_table

# (label, amount, note)
Row = tuple[str, Number | None, str]
ROW, BAR = 36, 9
LONGEST = 46


def pareto(
    rows: Sequence[Row],
    *,
    name: str,
    total: Number | None = None,
    unit: str = "",
    title: str = "",
    px: int | None = None,
) -> Figure:
    """Bars, longest first, each with its amount and the share of `total` that all up to it make.

    One axis only: the running share is a figure beside each bar, not a second line.

    :param total: the sum of all, if more than these rows; rows without data come last.
    """
    ordered = sorted(rows, key=lambda row: (row[1] is None, -float(row[1] or 0)))
    amounts = [row[1] for row in ordered]
    whole = float(total) if total is not None else sum(known(amounts))
    shares = _running(amounts, whole)
    canvas = Canvas(max(ROW * len(ordered), ROW), px, FLUSH)
    title = title or _title(ordered, shares, name)
    summary = _summary(ordered, unit, whole)
    longest = max([*known(amounts), 1e-9])
    parts = [
        _row(canvas, index, row, (float(row[1] or 0) / longest, _beside(row[1], unit, share)))
        for index, (row, share) in enumerate(zip(ordered, shares, strict=True))
    ]
    if not ordered:
        parts.append(canvas.text("ax m", (0.5, ROW / 2 + 4), f"{NO_DATA} yet"))
    body = [
        [label, value_text(amount, unit), _percent(share), note]
        for (label, amount, note), share in zip(ordered, shares, strict=True)
    ]
    table = data_table(["Item", "Amount", "Running share", "Note"], body, name)
    return Figure(title, summary, canvas.svg(parts, title=title, summary=summary), table)


def _running(amounts: Sequence[Number | None], whole: float) -> list[float | None]:
    shares: list[float | None] = []
    reached = 0.0
    for amount in amounts:
        reached += float(amount or 0)
        shares.append(None if amount is None or not whole else 100 * reached / whole)
    return shares


def _percent(share: float | None) -> str:
    return NO_DATA if share is None else f"{value_text(Decimal(str(share)))}%"


def _beside(amount: Number | None, unit: str, share: float | None) -> str:
    if amount is None:
        return NO_DATA
    return f"{value_text(amount, unit)} \N{MIDDLE DOT} {_percent(share)}"


def _row(canvas: Canvas, index: int, row: Row, drawn: tuple[float, str]) -> str:
    label, amount, note = row
    length, text = drawn
    y = index * ROW
    name = label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}{ELLIPSIS}"
    bar = (
        canvas.rect("none", (0, y + 19), (1, BAR), radius=2)
        if amount is None
        else canvas.rect("f-bar", (0, y + 19), (length, BAR), radius=2)
    )
    said = "" if canvas.is_static else _tooltip(canvas, y, label, note)
    return (
        canvas.text("lab s", (0, y + 13), name)
        + canvas.text("ax e", (1, y + 13), text)
        + canvas.rect("trk", (0, y + 19), (1, BAR), radius=2)
        + bar
        + said
    )


def _tooltip(canvas: Canvas, y: float, label: str, note: str) -> str:
    """Long names do not fit: the browser's own tooltip has them in full."""
    words = f"{label}: {note}" if note else label
    return canvas.rect("hot", (0, y), (1, ROW), more=f"<title>{escape(words)}</title>")


def _title(rows: Sequence[Row], shares: Sequence[float | None], name: str) -> str:
    told = [share for share in shares if share is not None]
    if not told:
        return f"{name}: {NO_DATA}"
    few = min(3, len(told))
    return f"{name}: the first {few} of {len(rows)} make {value_text(told[few - 1])}%"


def _summary(rows: Sequence[Row], unit: str, whole: float) -> str:
    told = [f"{label} {value_text(amount, unit)}" for label, amount, _ in rows[:5]]
    if not told:
        return "Nothing to show."
    total = value_text(Decimal(str(whole)), unit)
    return f"{', '.join(told)}; {total} in all."
