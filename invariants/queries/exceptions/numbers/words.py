"""A number as people read it: its value, what it is made of, and whether it is as good as asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from invariants.queries.exceptions.history import Week
from invariants.queries.exceptions.numbers.board import Board
from invariants.queries.exceptions.numbers.definitions import Better, Definition, Unit
from invariants.queries.exceptions.numbers.reckoning import Figure

_TENTH: Final = Decimal("0.1")
_FEWEST_WEEKS: Final = 2
_ALMOST: Final = Decimal("99.9")
_HUNDRED: Final = Decimal(100)
# The cards of the page, and the numbers in each.
CARDS: Final = (
    (
        "How much is excepted",
        (
            "active",
            "per_100",
            "adjusted_coverage",
            "blast_radius",
            "utilisation",
            "findings_inside",
            "compensated",
        ),
    ),
    (
        "Do they end",
        (
            "past_expiry",
            "zombie_rate",
            "unimplemented",
            "removal_median",
            "removal_p90",
            "removed_in_time",
            "age_median",
            "age_oldest",
        ),
    ),
    (
        "How they are decided",
        (
            "decision_median",
            "decision_p90",
            "decided_in_time",
            "emergency_share",
            "duty_breaches",
        ),
    ),
    (
        "Do they go away",
        ("renewal_rate", "mean_renewals", "renewed_twice", "milestones_on_time"),
    ),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a card. `mark`: "ok", "warn", "bad" or "" (nothing is asked for, or nothing known)."""

    definition: Definition
    text: str
    made_of: str
    target: str
    mark: str
    mark_text: str


@dataclass(frozen=True, slots=True)
class Card:
    title: str
    lines: tuple[Line, ...]


def cards(figures: Mapping[str, Figure]) -> tuple[Card, ...]:
    return tuple(Card(title, tuple(line(figures[key]) for key in keys)) for title, keys in CARDS)


def line(figure: Figure) -> Line:
    mark, mark_text = _mark(figure)
    return Line(figure.definition, text(figure), made_of(figure), _target(figure), mark, mark_text)


def text(figure: Figure) -> str:
    """ "38.5%", "4.2 days", "at least 3"; a wait that is not reached yet, and what nobody knows, say so."""
    if figure.value is None:
        if figure.definition.unit is Unit.DAYS and figure.open:
            return "not reached yet"
        return "unknown" if figure.unknown else "no data"
    return f"{'at least ' if figure.is_least else ''}{_value(figure)}"


def _value(figure: Figure) -> str:
    value = figure.value or Decimal(0)
    match figure.definition.unit:
        case Unit.PERCENT:
            return f"{_percent(value)}%"
        case Unit.DAYS:
            shown = _rounded(value)
            return f"{shown:,} day{'' if shown == 1 else 's'}"
        case Unit.RATE:
            return f"{_rounded(value):,}"
    return f"{value:,.0f}"


def _percent(value: Decimal) -> Decimal:
    """What is not all is never written as all, and what is not nothing never as nothing."""
    shown = _rounded(value)
    if shown >= _HUNDRED > value:
        return _ALMOST
    return _TENTH if value > 0 and not shown else shown


def _rounded(value: Decimal) -> Decimal:
    shown = value.quantize(_TENTH, ROUND_HALF_UP)
    return shown.quantize(Decimal(1)) if shown == shown.to_integral_value() else shown


def made_of(figure: Figure) -> str:
    """The part of the whole, and what is not known or waits still."""
    told = []
    unit = figure.definition.unit
    if figure.whole == 0:
        told.append("none to count")
    elif figure.part is not None and figure.whole is not None and unit is not Unit.DAYS:
        told.append(f"{figure.part:,} of {figure.whole:,}")
    elif figure.whole is not None and unit is Unit.DAYS:
        told.append(f"of {figure.whole:,}")
    if figure.unknown:
        told.append(f"{figure.unknown:,} unknown")
    if figure.open:
        told.append(f"{figure.open:,} still open, counted")
    return ", ".join(told)


def _target(figure: Figure) -> str:
    definition = figure.definition
    if definition.target is None:
        return ""
    sign = {Unit.PERCENT: "%", Unit.DAYS: " days"}.get(definition.unit, "")
    if definition.target == 0:
        return "none"
    way = "at least" if definition.better is Better.HIGHER else "at most"
    return f"{way} {definition.target}{sign}"


def _mark(figure: Figure) -> tuple[str, str]:
    meets = figure.meets_target
    if meets is None:
        is_asked = figure.definition.target is not None
        return "", "no data" if is_asked and figure.value is None else ""
    if meets:
        return "ok", "on target"
    return ("bad", "off target") if figure.definition.is_red else ("warn", "off target")


@dataclass(frozen=True, slots=True)
class Timeline:
    """Columns: `series` as (name, count by label)."""

    series: tuple[tuple[str, tuple[int, ...]], ...]
    labels: tuple[str, ...]
    title: str


def timeline(board: Board) -> Timeline:
    """What has ended and is not seen removed, and what ends in the weeks to come."""
    past = tuple(ended for _, _, ended in board.timeline)
    coming = tuple(ends for _, ends, _ in board.timeline)
    title = f"{board.counts.expired:,} past their end, {board.counts.expiring:,} end within 30 days"
    labels = tuple(label for label, _, _ in board.timeline)
    return Timeline((("ended", past), ("ending", coming)), labels, title)


@dataclass(frozen=True, slots=True)
class Trend:
    """A line over the weeks; `points` are (week, value), None where nobody counted."""

    title: str
    unit: str
    points: tuple[tuple[str, int | Decimal | None], ...]
    tone: str = "accent"


def trends(weeks: Sequence[Week]) -> tuple[Trend, ...]:
    """() until two weeks are known; without what nobody counts of the place."""
    if sum(week.active is not None for week in weeks) < _FEWEST_WEEKS:
        return ()
    labels = [f"{week.day:%-d %b}" for week in weeks]
    lines: tuple[tuple[str, str, list[int | Decimal | None], str], ...] = (
        ("Active exceptions", "", [week.active for week in weeks], "accent"),
        ("Past their end, not seen removed", "", [week.expired for week in weeks], "bad"),
        ("Zombie rate", "%", [week.zombie_rate for week in weeks], "bad"),
        ("Approved, not in place", "%", [week.not_in_place_rate for week in weeks], "accent"),
    )
    return tuple(
        Trend(title, unit, tuple(zip(labels, values, strict=True)), tone)
        for title, unit, values, tone in lines
        if any(value is not None for value in values)
    )
