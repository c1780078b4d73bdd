"""A value at a moment: what a trend draws and its table prints."""

from collections.abc import Sequence
from typing import NamedTuple

from posture.charts.svg import Number


class Point(NamedTuple):
    """One moment of a trend; plain tuples of two or three do as well."""

    label: str
    value: Number | None
    note: str = ""


# What the charts take: plain tuples do as well, so that a floor below needs no import from here.
PointLike = Point | tuple[str, Number | None] | tuple[str, Number | None, str]


def change_text(rows: Sequence[Point], index: int) -> str:
    """Signed difference to the point before; empty beside a gap."""
    before, after = rows[index - 1].value if index else None, rows[index].value
    if before is None or after is None:
        return ""
    change = float(after) - float(before)
    return (
        f"{change:+,.0f}"
        if isinstance(after, int) and isinstance(before, int)
        else f"{change:+,.1f}"
    )
