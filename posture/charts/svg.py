"""Drawing primitives shared by the charts.

How text stays crisp in a fluid chart: the outer <svg> has no viewBox, so x may be a percentage and text
keeps its size; paths sit in a nested <svg viewBox preserveAspectRatio="none"> with non-scaling strokes;
markers and tooltips sit in a nested <svg x="37%">, so that they use local pixels.
"""

import textwrap
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

from django.utils.html import escape
from django.utils.safestring import SafeString

Number = int | float | Decimal
XY = tuple[float, float]

NO_DATA = "no data"
DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def markup(parts: Iterable[str]) -> SafeString:
    """Join parts whose texts are already escaped."""
    return SafeString("".join(parts))


def value_text(value: Number | None, unit: str = "") -> str:
    """The value for people: whole numbers with thousands separators, others with one decimal, half up.

    With a true minus; nothing that rounds to zero has one.
    """
    if value is None:
        return NO_DATA
    if isinstance(value, int):
        return f"{value:,}".replace("-", MINUS) + unit
    tenth = Decimal(str(value)).quantize(Decimal("0.1"), ROUND_HALF_UP)
    return f"{tenth if tenth else abs(tenth):,}".replace("-", MINUS) + unit


def signed_text(value: Number | None, unit: str = "") -> str:
    """A change for people: always with its sign, a true minus; "0" has none."""
    if value is None:
        return NO_DATA
    size = value_text(value if value >= 0 else -value, unit)
    if not any(digit in "123456789" for digit in size):
        return size
    return f"{'+' if value > 0 else MINUS}{size}"


def wrapped(text: str, *, width: int, lines: int) -> list[str]:
    """The text in lines of about so many characters; what does not fit ends in an ellipsis."""
    return textwrap.wrap(text, width, max_lines=lines, placeholder=ELLIPSIS)


def role(label: str) -> str:
    """Attributes that name an image, or hide a decoration that stands beside its number."""
    return f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'


def known(values: Iterable[Number | None]) -> list[float]:
    return [float(value) for value in values if value is not None]


def runs(values: Sequence[Number | None]) -> list[list[tuple[int, float]]]:
    """Stretches of consecutive known values as (index, value), so that a gap stays a gap."""
    stretches: list[list[tuple[int, float]]] = []
    is_open = False
    for index, value in enumerate(values):
        if value is None:
            is_open = False
            continue
        if not is_open:
            stretches.append([])
            is_open = True
        stretches[-1].append((index, float(value)))
    return stretches


def smooth_path(points: Sequence[XY]) -> str:
    """SVG path through the points in order of x, monotone between neighbours: a curve never overshoots."""
    if len(points) < 3:
        return "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points)
    slopes = _slopes(points)
    path = [f"M{points[0][0]:.1f},{points[0][1]:.1f}"]
    for i in range(len(points) - 1):
        (x0, y0), (x1, y1) = points[i], points[i + 1]
        third = (x1 - x0) / 3
        path.append(
            f"C{x0 + third:.1f},{y0 + slopes[i] * third:.1f} "
            f"{x1 - third:.1f},{y1 - slopes[i + 1] * third:.1f} {x1:.1f},{y1:.1f}"
        )
    return "".join(path)


def _slopes(points: Sequence[XY]) -> list[float]:
    steps = [(y1 - y0) / ((x1 - x0) or 1e-9) for (x0, y0), (x1, y1) in pairwise(points)]
    inner = [
        0.0 if before * after <= 0 else 2 / (1 / before + 1 / after)
        for before, after in pairwise(steps)
    ]
    return [steps[0], *inner, steps[-1]]
