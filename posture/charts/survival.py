"""How long findings stay open: the share still open by days, open ones counted in."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.safestring import SafeString

from posture.charts.axes import Axis, beside, grid, round_scale
from posture.charts.canvas import LABELS, Canvas, tooltip
from posture.charts.figure import Figure
from posture.charts.svg import NO_DATA, Number, value_text
from posture.charts.tables import data_table

# (day, share still open after it, 0-100), in order of days
Step = tuple[Number, Number]
# (name, day), None where the curve does not come down so far
Quantile = tuple[str, Number | None]

HEIGHT, TOP, NAMES = 232, 18, 36
NOT_REACHED = "not reached"
UNKNOWN = "not known yet"


def survival(  # noqa: PLR0913 - only the steps and the name must be said
    steps: Sequence[Step],
    *,
    name: str,
    sla: int | None = None,
    quantiles: Sequence[Quantile] = (),
    followed: Number | None = None,
    title: str = "",
    px: int | None = None,
) -> Figure:
    """Step curve from 100% on, with the deadline and what is still open on its day.

    :param followed: the age up to which anybody was watched, the last step by default: the curve says
        nothing of later days.
    """
    curve = _Curve(steps, followed)
    canvas = Canvas(HEIGHT, px, LABELS)
    axis = Axis(0.0, 100.0, 25.0, TOP, HEIGHT - NAMES)
    title = title or _title(curve, name, sla)
    summary = _summary(curve, sla, quantiles)
    end = max(1.0, curve.until, float(sla or 0)) * 1.06
    parts = [
        grid(canvas, axis, "%"),
        _days(canvas, axis, end),
        _drawn(canvas, axis, curve, end),
        _deadline(canvas, axis, curve, sla, end),
        beside(canvas, _labels(axis, curve), floor=axis.floor),
        *_tips(canvas, axis, curve, end),
    ]
    svg = canvas.svg(parts, title=title, summary=summary)
    return Figure(title, summary, svg, _table(curve, name, sla, quantiles), LABELS.css)


@dataclass(frozen=True, slots=True)
class _Curve:
    """Steps in order of days, and the age up to which they are known."""

    steps: Sequence[Step]
    followed: Number | None

    @property
    def is_empty(self) -> bool:
        return not self.steps and self.followed is None

    @property
    def until(self) -> float:
        return max([float(self.followed or 0), *(float(day) for day, _ in self.steps)])

    @property
    def last(self) -> Number:
        return self.steps[-1][1] if self.steps else 100

    def open_on(self, day: int) -> Number | None:
        """The share still open at an age; None where nobody has been watched so long."""
        passed = [share for at, share in self.steps if at <= day]
        share = passed[-1] if passed else 100
        return None if self.is_empty or (share and day > self.until) else share

    def open_text(self, day: int) -> str:
        share = self.open_on(day)
        return UNKNOWN if share is None else f"{_text(share)} still open"


def _days(canvas: Canvas, axis: Axis, end: float) -> str:
    _, _, step = round_scale([0.0, end])
    step = max(step, 1.0)
    places = [index * step for index in range(int(end // step) + 1)]
    texts = [canvas.text("ax m", (day / end, axis.floor + 15), f"{day:,.0f}") for day in places]
    return "".join(texts) + canvas.text("sm e", (1, axis.floor + 30), "days since opened")


def _drawn(canvas: Canvas, axis: Axis, curve: _Curve, end: float) -> str:
    if curve.is_empty:
        return canvas.text("ax m", (0.5, HEIGHT / 2), f"{NO_DATA} yet")
    corners, level = [(0.0, axis.y(100))], axis.y(100)
    for day, share in curve.steps:
        corners.append((float(day) / end, level))
        level = axis.y(share)
        corners.append((float(day) / end, level))
    corners.append((curve.until / end, level))
    points = canvas.across(corners)
    path = "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points)
    area = f'<path{canvas.paint("area")} d="{path}V{axis.floor:.1f}H{points[0][0]:.1f}Z"/>'
    half = canvas.line("half", (0, axis.y(50)), (1, axis.y(50)))
    return half + canvas.stretched(f'{area}<path{canvas.paint("ln")} d="{path}"/>')


def _deadline(canvas: Canvas, axis: Axis, curve: _Curve, sla: int | None, end: float) -> str:
    if sla is None:
        return ""
    at = sla / end
    side, shift = ("e", -5) if at > 0.6 else ("s", 5)
    parts = [
        canvas.line("sla", (at, TOP - 6), (at, axis.floor)),
        canvas.text(f"lab {side}", (at, TOP - 6), f"due after {sla} days", dx=shift),
    ]
    left = curve.open_on(sla)
    y = axis.y(50 if left is None else left)
    if left is not None:
        parts.append(canvas.mark((at, y), f'<circle{canvas.paint("ndot")} r="4.5"/>'))
    if not curve.is_empty:
        told = (at, max(y - 8, TOP + 8))
        parts.append(canvas.text(f"lab {side}", told, curve.open_text(sla), dx=shift))
    return "".join(parts)


def _labels(axis: Axis, curve: _Curve) -> list[tuple[float, str, str]]:
    if curve.is_empty:
        return []
    last = (axis.y(curve.last), f"{_text(curve.last)} open", "lab")
    return [(axis.y(50), "half closed", "ax"), last]


def _tips(canvas: Canvas, axis: Axis, curve: _Curve, end: float) -> list[str]:
    days = [0.0, *(float(day) for day, _ in curve.steps)]
    shares: list[Number] = [100, *(share for _, share in curve.steps)]
    edges = [*days, max(curve.until, days[-1])]
    return [
        tooltip(
            canvas,
            (edges[index] / end, edges[index + 1] / end),
            [f"from day {day:g}", f"{_text(share)} open"],
            floor=axis.floor,
        )
        for index, (day, share) in enumerate(zip(days, shares, strict=True))
        if edges[index + 1] > edges[index]
    ]


def _text(share: Number) -> str:
    """A share in percent with one decimal, whole numbers too."""
    return value_text(Decimal(str(share)), "%")


def _title(curve: _Curve, name: str, sla: int | None) -> str:
    if curve.is_empty:
        return f"{name}: {NO_DATA}"
    if sla is not None and curve.open_on(sla) is not None:
        return f"{name}: {curve.open_text(sla)} {sla} days after opening, when they are due"
    return f"{name}: {_text(curve.last)} still open after {curve.until:g} days"


def _summary(curve: _Curve, sla: int | None, quantiles: Sequence[Quantile]) -> str:
    if curve.is_empty:
        return "No episode to measure yet."
    told = [f"{label} {_days_text(day)}" for label, day in quantiles]
    if sla is not None:
        told.append(f"{curve.open_text(sla)} on day {sla}")
    counted = "Those still open are counted in, so fixing only the easy ones does not help."
    text = "; ".join(told)
    return f"{text[0].upper()}{text[1:]}. {counted}" if text else counted


def _days_text(day: Number | None) -> str:
    return NOT_REACHED if day is None else f"{value_text(day)} days"


def _table(curve: _Curve, name: str, sla: int | None, quantiles: Sequence[Quantile]) -> SafeString:
    body = [[label, _days_text(day)] for label, day in quantiles]
    if sla is not None and not curve.is_empty:
        body.append([f"On day {sla}, when they are due", curve.open_text(sla)])
    body += [[f"Open after day {day}", _text(share)] for day, share in curve.steps]
    return data_table(["Measure", "Value"], body, f"{name}, time to remediate")
