"""A tree in which each part is as wide as what is in it: coverage over the OUs."""

from collections.abc import Sequence
from typing import Final, Protocol

from django.utils.html import escape
from django.utils.safestring import SafeString

from posture.charts.svg import ELLIPSIS, markup

ROW, GAP = 46, 2
# The drawing is about so wide beside the navigation, and a letter of it about so.
WIDTH, LETTER, PAD = 1050, 6.2, 16
_FEWEST_LETTERS: Final = 7


class Cell(Protocol):
    """`x` and `width` are in percent, `row` counts from the top; `look` is a class of app.css."""

    @property
    def name(self) -> str: ...
    @property
    def note(self) -> str: ...
    @property
    def said(self) -> str: ...
    @property
    def look(self) -> str: ...
    @property
    def row(self) -> int: ...
    @property
    def x(self) -> float: ...
    @property
    def width(self) -> float: ...


def icicle(cells: Sequence[tuple[Cell, str]], *, label: str) -> SafeString:
    """The drawing of the cells, each with the address it leads to ("" leads nowhere).

    Every cell can be reached by the keyboard and is named by a sentence of its own.
    """
    rows = 1 + max((cell.row for cell, _ in cells), default=0)
    drawn = "".join(_cell(cell, href) for cell, href in cells)
    return markup(
        [
            f'<svg class="icicle" width="100%" height="{rows * ROW}" role="group" aria-label="{escape(label)}">',
            f"{drawn}</svg>",
        ]
    )


def _cell(cell: Cell, href: str) -> str:
    inner = (
        f'<svg x="{cell.x:.3f}%" y="{cell.row * ROW}" width="{cell.width:.3f}%" height="{ROW}" '
        f'class="n st-{escape(cell.look)}"><rect class="b" y="{GAP}" height="{ROW - 2 * GAP}" rx="6"/>'
        f"{_texts(cell)}<title>{escape(cell.said)}</title></svg>"
    )
    if not href:
        return f'<g role="img" aria-label="{escape(cell.said)}">{inner}</g>'
    return f'<a href="{escape(href)}" aria-label="{escape(cell.said)}">{inner}</a>'


def _texts(cell: Cell) -> str:
    """What fits at the usual width; a narrower drawing cuts it off at the edge of the cell."""
    room = int((cell.width / 100 * WIDTH - PAD) / LETTER)
    lines = (("l1", 19, _fitted(cell.name, room)), ("l2", 34, _fitted(cell.note, room)))
    return "".join(
        f'<text class="{css}" x="9" y="{y}" aria-hidden="true">{escape(text)}</text>'
        for css, y, text in lines
        if text
    )


def _fitted(text: str, room: int) -> str:
    """The text, its beginning where that says something, or nothing."""
    if len(text) <= room:
        return text
    return f"{text[: room - 1].rstrip()}{ELLIPSIS}" if room >= _FEWEST_LETTERS else ""
