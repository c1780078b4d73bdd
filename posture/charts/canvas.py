"""What charts are drawn on: fluid on a page, fixed on paper, by the same calls.

x is a share of the plot's width (0 left, 1 right), y counts pixels from the top. On a page shares become
percentages, so that the drawing follows its container while texts keep their size; on paper pixels.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.html import escape
from django.utils.safestring import SafeString

from posture.charts import paint
from posture.charts.svg import XY, markup

# Width in user units of a nested drawing that is stretched to the real width.
STRETCHED = 1000


@dataclass(frozen=True, slots=True)
class Room:
    """Pixels beside the plot for labels; on a page the class of the plot gives them as padding."""

    css: str
    left: int
    right: int


FLUSH = Room("", 0, 0)
AXIS = Room("room", 38, 8)
LABELS = Room("room labelled", 38, 96)


@dataclass(frozen=True, slots=True)
class Canvas:
    """`px` is the whole width on paper, None on a page."""

    height: int
    px: int | None = None
    room: Room = FLUSH

    @property
    def is_static(self) -> bool:
        return self.px is not None

    @property
    def _plot_px(self) -> float:
        return max((self.px or 0) - self.room.left - self.room.right, 1)

    def x(self, share: float) -> str:
        return f"{share * self._plot_px:.1f}" if self.is_static else f"{share * 100:.2f}%"

    def paint(self, css: str) -> str:
        return paint.attributes(css) if self.is_static else f' class="{escape(css)}"'

    def rect(self, css: str, at: XY, size: XY, *, radius: float = 0, more: str = "") -> str:
        """`at` and `size` are (share, pixels); `more` is markup inside, such as a <title>."""
        rx = f' rx="{radius:g}"' if radius else ""
        shape = (
            f'<rect{self.paint(css)} x="{self.x(at[0])}" y="{at[1]:.1f}"'
            f' width="{self.x(max(size[0], 0))}" height="{max(size[1], 0):.1f}"{rx}'
        )
        return f"{shape}>{more}</rect>" if more else f"{shape}/>"

    def line(self, css: str, start: XY, end: XY) -> str:
        return (
            f'<line{self.paint(css)} x1="{self.x(start[0])}" y1="{start[1]:.1f}"'
            f' x2="{self.x(end[0])}" y2="{end[1]:.1f}"/>'
        )

    def text(self, css: str, at: XY, words: str, *, dx: float = 0) -> str:
        shift = f' dx="{dx:g}"' if dx else ""
        return f'<text{self.paint(css)} x="{self.x(at[0])}" y="{at[1]:.1f}"{shift}>{escape(words)}</text>'

    def mark(self, at: XY, shape: str) -> str:
        """A shape in local pixels around a point."""
        x, y = self.x(at[0]), f"{at[1]:.1f}"
        if self.is_static:
            return f'<g transform="translate({x} {y})">{shape}</g>'
        return f'<svg x="{x}" y="{y}" overflow="visible">{shape}</svg>'

    def stretched(self, paths: str) -> str:
        """Paths drawn with `across`; on a page they are stretched, their strokes are not."""
        if self.is_static:
            return paths
        return (
            f'<svg viewBox="0 0 {STRETCHED} {self.height}" preserveAspectRatio="none" width="100%"'
            f' height="{self.height}" overflow="visible">{paths}</svg>'
        )

    def across(self, points: Iterable[XY]) -> list[XY]:
        """Points in the user units of `stretched`."""
        width = self._plot_px if self.is_static else STRETCHED
        return [(share * width, y) for share, y in points]

    def svg(self, parts: Sequence[str], *, title: str, summary: str, css: str = "") -> SafeString:
        named = f'role="img"><title>{escape(title)}</title><desc>{escape(summary)}</desc>'
        if not self.is_static:
            start = f'<svg class="chart {escape(css)}" width="100%" height="{self.height}" {named}'
            return markup([start, *parts, "</svg>"])
        start = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.px}" height="{self.height}"'
            f' viewBox="0 0 {self.px} {self.height}" font-family="Inter, sans-serif" {named}'
        )
        shift = f'{paint.PATTERNS}<g transform="translate({self.room.left} 0)">'
        return markup([start, shift, *parts, "</g></svg>"])


def tooltip(
    canvas: Canvas, band: tuple[float, float], lines: Sequence[str], *, floor: float
) -> str:
    """The band (left and right share) that shows these lines while the pointer is over it.

    Nothing on paper. The empty title keeps the chart's own title from popping up over it.
    """
    if canvas.is_static:
        return ""
    left, right = band
    middle = (left + right) / 2
    longest = max(map(len, lines), default=0)
    width, height = min(max(92, 22 + longest * 6.3), 300), 14 + 16 * len(lines)
    # Left of the first, right of the last and in proportion between: never outside the chart.
    start = -width * middle
    top = max(min(floor - height - 6, 18), 0)
    texts = "".join(
        f'<text class="{"t2" if index == 1 else "t1"}" x="{start + 11:.0f}" y="{18 + 16 * index}">{escape(line)}</text>'
        for index, line in enumerate(lines)
    )
    return (
        f'<g class="hit"><title></title>{canvas.rect("hot", (left, 0), (right - left, floor))}'
        f'<svg class="tip" x="{canvas.x(middle)}" y="{top:.0f}" overflow="visible">'
        f'<rect x="{start:.0f}" width="{width:.0f}" height="{height}" rx="8"/>{texts}</svg></g>'
    )
