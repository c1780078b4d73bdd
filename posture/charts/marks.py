"""Small charts that stand beside a number: sparkline, ring, bars, heat strip."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from django.utils.html import escape
from django.utils.safestring import SafeString

from posture.charts.paint import PATTERNS, SPARK_TONES, attributes
from posture.charts.svg import (
    DASH,
    NO_DATA,
    Number,
    known,
    markup,
    role,
    runs,
    smooth_path,
    value_text,
)

# The scores at which a better letter begins (D, C, B, A); the ring has a tick at each.
GRADE_CUTS = (50, 70, 85, 95)
# Lower ends of the heat steps h2..h9; every grade cut is one of them.
HEAT_CUTS = (25, 50, 60, 70, 78, 85, 90, 95)
# A counted segment of a stacked bar is never thinner than this share, in percent.
THINNEST_PCT = 1.2
# A sparkline shows at least this share of its highest value, so that noise never fills the height.
FLATTEST = 0.07


def heat_step(value: Number | None) -> int:
    """0 without data, else 1 (worst) to 9; a step never spans two letters."""
    return 0 if value is None else 1 + sum(value >= cut for cut in HEAT_CUTS)


# A row of rings hides the line that they are about.
RINGS = 3


def spark(  # noqa: PLR0913 - only the values must be said
    values: Sequence[Number | None],
    *,
    tone: str = "",
    width: int = 88,
    height: int = 26,
    goal: Number | None = None,
    label: str = "",
    signals: Collection[int] = (),
    is_static: bool = False,
) -> SafeString:
    """Sparkline in order of time; tones: accent, ok, warn, bad. Without a label it is decoration.

    :param signals: indexes that get a ring: what is no noise by the limits of the control chart. Where
        there are more than three, the newest alone.
    :param is_static: with its colours written out, for PDF and e-mail.
    """
    low, high = _spark_range([*known(values), *known([goal])])
    step = (width - 6) / max(len(values) - 1, 1)
    pen = _Pen(is_static, height, tone)

    def place(index: float, value: float) -> tuple[float, float]:
        return 2 + index * step, height - 4 - (value - low) / (high - low) * (height - 8)

    ringed = signals if len(signals) <= RINGS else {max(signals)}
    parts = [pen.start(tone, width, label)]
    if goal is not None:
        parts.append(f'<path{pen("goal")} d="M0 {place(0, float(goal))[1]:.1f}H{width}"/>')
    stretches = runs(values)
    for stretch in stretches:
        parts.append(pen.stretch([place(index, value) for index, value in stretch]))
        parts += [
            f'<circle{pen("sg")} cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'
            for x, y in (place(index, value) for index, value in stretch if index in ringed)
        ]
    if stretches and values[-1] is not None:
        x, y = place(*stretches[-1][-1])
        parts.append(f'<circle{pen("end")} cx="{x:.1f}" cy="{y:.1f}" r="2.25"/>')
    if not stretches:
        parts.append(f'<path{pen("none")} d="M2 {height / 2:.1f}H{width - 4}"/>')
    return markup([*parts, "</svg>"])


# What has the colour of the tone; target, signal and the line of no data have their own.
_TONED = frozenset({"ln", "fill", "end", "lone"})


@dataclass(frozen=True, slots=True)
class _Pen:
    """Draws the parts of a sparkline: by class on a page, in colours on paper."""

    is_static: bool
    height: int
    tone: str

    def __call__(self, name: str) -> str:
        if self.is_static:
            is_toned = name in _TONED and self.tone in SPARK_TONES
            return attributes(f"spark-{name}{f'-{self.tone}' if is_toned else ''}")
        return f' class="{name}"'

    def start(self, tone: str, width: int, label: str) -> str:
        size = f'viewBox="0 0 {width} {self.height}" width="{width}" height="{self.height}"'
        if self.is_static:
            return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {role(label)}>'
        return f'<svg class="spark {escape(tone)}" {size} {role(label)}>'

    def stretch(self, points: list[tuple[float, float]]) -> str:
        if len(points) == 1:
            x, y = points[0]
            return f'<circle{self("lone")} cx="{x:.1f}" cy="{y:.1f}" r="1.5"/>'
        path = smooth_path(points)
        fill = f'<path{self("fill")} d="{path}V{self.height}H{points[0][0]:.1f}Z"/>'
        return f'{fill}<path{self("ln")} d="{path}"/>'


def _spark_range(values: list[float]) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    missing = max(FLATTEST * abs(high), 1e-6) - (high - low)
    return (low - missing / 2, high + missing / 2) if missing > 0 else (low, high)


def ring(score: Number | None, letter: str | None, *, size: int = 148, sub: str = "") -> SafeString:
    """Score ring with a tick at each grade cut, coloured by the letter, which a gate may have lowered.

    :param score: 0-100, None when nothing was evaluated (then no arc is drawn).
    :param letter: A B C D F; None or "NR" is "not rated" and stays grey.
    :param sub: the line under the number; the grade by default.
    """
    is_rated = letter not in (None, "", "NR")
    grade = f"grade {letter}" if is_rated else "not rated"
    width = round(size / 16)
    radius, centre = (size - width) / 2, size / 2
    circle = f'd="M{centre} {width / 2}A{radius} {radius} 0 1 1 {centre - 0.01} {width / 2}" pathLength="100" stroke-width="{width}"'
    number = DASH if score is None else value_text(score)
    said = f"Score {number} of 100, {grade}" if score is not None else f"No score, {grade}"
    tone = f"g-{escape(letter).lower()}" if is_rated else "g-n"
    arc = f'<path class="val" {circle} stroke-dasharray="{float(score):.1f} 100"/>' if score else ""
    ticks = "".join(
        f'<path class="tick" {circle} stroke-dasharray="0.55 99.45" stroke-dashoffset="{0.27 - cut:.2f}"/>'
        for cut in GRADE_CUTS
    )
    return markup(
        [
            f'<svg class="ring {tone}{" small" if size < 120 else ""}" viewBox="0 0 {size} {size}" width="{size}" height="{size}" {role(said)}>',
            f'<circle class="trk" cx="{centre}" cy="{centre}" r="{radius}" stroke-width="{width}"/>{arc}{ticks}',
            f'<text class="num" x="{centre}" y="{centre + size * 0.04:.0f}">{number}</text>',
            f'<text class="sub" x="{centre}" y="{centre + size * 0.175:.0f}">{escape(sub or grade)}</text></svg>',
        ]
    )


def minibar(
    pct: Number | None,
    *,
    tone: str = "accent",
    mark: Number | None = None,
    other: Number | None = None,
    label: str = "",
    px: int | None = None,
) -> SafeString:
    """Bar of 0-100 percent with up to two references: `mark` is a tick, `other` a dot.

    Tones: accent ok warn bad mute, or a letter a b c d f n.

    :param px: with its width and colours written out, for PDF: accent and without a dot.
    """
    if px is not None:
        return _bar_on_paper(pct, mark, label, px)
    if pct is None:
        return markup(
            [
                f'<svg class="mbar none" {role(label or NO_DATA)}><rect class="trk" width="100%" height="100%"/></svg>'
            ]
        )
    share = min(max(float(pct), 0.0), 100.0)
    tick = ""
    if mark is not None:
        tick = f'<rect class="mark" x="{float(mark):.1f}%" width="2" height="100%" transform="translate(-1)"/>'
    dot = ""
    if other is not None:
        dot = f'<circle class="other" cx="{float(other):.1f}%" cy="50%" r="2.5"/>'
    return markup(
        [
            f'<svg class="mbar" {role(label)}><rect class="trk" width="100%" height="100%"/>',
            f'<rect class="b-{escape(tone).lower()}" width="{share:.1f}%" height="100%"/>{tick}{dot}</svg>',
        ]
    )


def _bar_on_paper(
    pct: Number | None, mark: Number | None, label: str, px: int, tall: int = 6
) -> SafeString:
    start = f'<svg xmlns="http://www.w3.org/2000/svg" width="{px}" height="{tall}" viewBox="0 0 {px} {tall}" {role(label or NO_DATA)}>'
    if pct is None:
        ground = f'<rect{attributes("none")} width="{px}" height="{tall}" rx="3"/>'
        return markup([start, PATTERNS, ground, "</svg>"])
    share = min(max(float(pct), 0.0), 100.0) / 100 * px
    drawn = [
        f'<rect{attributes("mbar-trk")} width="{px}" height="{tall}" rx="3"/>',
        f'<rect{attributes("mbar-accent")} width="{share:.1f}" height="{tall}" rx="3"/>',
    ]
    if mark is not None:
        place = float(mark) / 100 * px - 1
        drawn.append(f'<rect{attributes("mbar-mark")} x="{place:.1f}" width="2" height="{tall}"/>')
    return markup([start, *drawn, "</svg>"])


def stack(segments: Iterable[tuple[str, int]], *, label: str = "", size: str = "") -> SafeString:
    """One horizontal bar of counts with hairline gaps.

    :param segments: (class, count) in drawing order; classes: critical high medium low info, ok bad
        exm (excepted) unk (unknown) none. A count above zero stays visible (at least 1.2%).
    :param label: a sentence; by default the counts.
    :param size: "lg" for a tall bar.
    """
    counted = [(name, count) for name, count in segments if count > 0]
    total = sum(count for _, count in counted)
    said = label or ", ".join(f"{count:,} {name}" for name, count in counted) or "none"
    parts = [f'<svg class="stack {escape(size)}" {role(said)}>']
    if not counted:
        parts.append('<rect class="f-none" width="100%" height="100%"/>')
    widths = [max(100 * count / total, THINNEST_PCT) for _, count in counted]
    scale = 100 / (sum(widths) or 1)
    x = 0.0
    for (name, _), width in zip(counted, widths, strict=True):
        parts.append(
            f'<rect class="f-{escape(name)}" x="{x:.2f}%" width="{width * scale:.2f}%" height="100%"/>'
        )
        if x:
            parts.append(f'<rect class="gap" x="{x:.2f}%" width="1.5" height="100%"/>')
        x += width * scale
    return markup([*parts, "</svg>"])


def signed(value: Number | None, *, limit: Number) -> SafeString:
    """Contribution bar left or right of zero; `limit` fills one side. Stands beside its number."""
    bar = ""
    if value is not None and limit:
        width = min(abs(float(value)) / float(limit), 1.0) * 50
        x = 50.0 if value >= 0 else 50 - width
        side = "pos" if value >= 0 else "neg"
        bar = f'<rect class="{side}" x="{x:.1f}%" width="{width:.1f}%" y="2" height="10" rx="2"/>'
    return markup(
        [
            f'<svg class="signed" aria-hidden="true">{bar}<line x1="50%" x2="50%" y1="0" y2="100%"/></svg>'
        ]
    )


def strip(cells: Sequence[tuple[str, Number | None]], *, label: str = "") -> SafeString:
    """Heat strip of (name, score) cells, each with its name and score as tooltip."""
    said = ", ".join(f"{name} {value_text(value)}" for name, value in cells)
    parts = [f'<svg class="strip" {role(f"{label}: {said}" if label else said)}>']
    width = 100 / max(len(cells), 1)
    for index, (name, value) in enumerate(cells):
        parts.append(
            f'<rect class="h{heat_step(value)}" x="{index * width:.2f}%" width="{width - 1:.2f}%" height="100%" rx="2">'
            f"<title>{escape(name)}: {value_text(value)}</title></rect>"
        )
    return markup([*parts, "</svg>"])
