"""A KPI as a line of a page: its words, numbers and shapes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from posture import charts
from posture.kpis import Kpi, Part, Status, Unit
from posture.queries.kpis import Amounts, KpiLine, PartLine
from posture.queries.review_page import Mark, status, verdict

DASH: Final = "\N{EN DASH}"
# What stands behind a value, and behind its change: a share moves in points, never in percent.
_SUFFIXES: Final = {Unit.PERCENT: "%", Unit.DAYS: " days", Unit.RATE: " per 100"}
_CHANGE_SUFFIXES: Final = {Unit.PERCENT: " pt", Unit.SCORE: " pt", Unit.DAYS: " days"}
_UNITS: Final = {
    Unit.PERCENT: "percent, one decimal; its changes are in points",
    Unit.COUNT: "a count",
    Unit.RATE: "per 100",
    Unit.DAYS: "days",
    Unit.SCORE: "points, 0 to 100",
}
_TONES: Final[Mapping[str, str]] = {"g": "ok", "a": "warn", "r": "bad"}


def amount(value: Decimal | None, unit: Unit) -> int | Decimal | None:
    """As charts and texts take it: counts are whole."""
    return int(value) if value is not None and unit is Unit.COUNT else value


def number(value: Decimal | None, unit: Unit) -> str:
    """The value alone: "72.4", "1,208", a dash without data."""
    return DASH if value is None else charts.value_text(amount(value, unit))


def whole(value: Decimal | None, unit: Unit) -> str:
    """The value with its unit: "72.4%", "13.0 days"."""
    return DASH if value is None else f"{number(value, unit)}{_SUFFIXES.get(unit, '')}"


def goal(card: Kpi | Part) -> str:
    """The target in a few words, "" without one: "at least 95%"."""
    if card.target is None:
        return ""
    target = int(card.target) if card.target == card.target.to_integral_value() else card.target
    bound = "at least" if card.is_better_higher else "at most"
    return f"{bound} {charts.value_text(target, _SUFFIXES.get(card.unit, ''))}"


def plain(value: Decimal) -> str:
    """A numerator or denominator: whole where it is a count, else with one decimal."""
    return f"{value:,.0f}" if value == value.to_integral_value() else f"{value:,.1f}"


def made_of(amounts: Amounts) -> str:
    """ "37 of 40", a count alone where there is nothing to divide by, a dash without data."""
    if not amounts.expected or not amounts.covered:
        return DASH
    if not amounts.denominator:
        return plain(amounts.numerator)
    return f"{plain(amounts.numerator)} of {plain(amounts.denominator)}"


@dataclass(frozen=True, slots=True)
class PartRow:
    """A line beside a KPI."""

    line: PartLine

    @property
    def text(self) -> str:
        return number(self.line.value, self.line.part.unit)

    @property
    def suffix(self) -> str:
        return "" if self.line.value is None else _SUFFIXES.get(self.line.part.unit, "")

    @property
    def delta(self) -> int | Decimal | None:
        return amount(self.line.delta, self.line.part.unit)

    @property
    def delta_suffix(self) -> str:
        return _CHANGE_SUFFIXES.get(self.line.part.unit, "")

    @property
    def good(self) -> str:
        return "up" if self.line.part.is_better_higher else "down"

    @property
    def mark(self) -> Mark:
        return status(self.line.status)

    @property
    def target_text(self) -> str:
        return goal(self.line.part) or DASH

    @property
    def made_of(self) -> str:
        return made_of(self.line.amounts)


@dataclass(frozen=True, slots=True)
class KpiRow:
    """A KPI of an OU; without a `line` the person sees no OU as a whole, and the card alone."""

    card: Kpi
    line: KpiLine | None = None

    @property
    def value(self) -> Decimal | None:
        return self.line.value if self.line else None

    @property
    def text(self) -> str:
        return number(self.value, self.card.unit)

    @property
    def suffix(self) -> str:
        return "" if self.value is None else _SUFFIXES.get(self.card.unit, "")

    @property
    def unit(self) -> str:
        """What follows each value in a chart."""
        return _SUFFIXES.get(self.card.unit, "")

    @property
    def unit_text(self) -> str:
        return _UNITS[self.card.unit]

    @property
    def target(self) -> int | Decimal | None:
        """As charts take it: whole where it is."""
        target = self.card.target
        if target is None or target != target.to_integral_value():
            return target
        return int(target)

    @property
    def target_short(self) -> str:
        """The number to reach; in full words where there is not one number."""
        return goal(self.card) or self.card.target_text

    @property
    def delta(self) -> int | Decimal | None:
        return amount(self.line.delta, self.card.unit) if self.line else None

    @property
    def delta_suffix(self) -> str:
        return _CHANGE_SUFFIXES.get(self.card.unit, "")

    @property
    def good(self) -> str:
        return "up" if self.card.is_better_higher else "down"

    @property
    def mark(self) -> Mark:
        return status(self.line.status if self.line else Status.NO_DATA)

    @property
    def verdict(self) -> Mark:
        return verdict(self.line.verdict if self.line else None)

    @property
    def tone(self) -> str:
        return _TONES.get(self.mark.tone, "")

    @property
    def series(self) -> tuple[int | Decimal | None, ...]:
        if self.line is None:
            return ()
        return tuple(amount(value, self.card.unit) for _, value in self.line.weeks)

    @property
    def signals(self) -> tuple[int, ...]:
        return self.line.xmr.signals if self.line and self.line.xmr else ()

    @property
    def history_text(self) -> str:
        """What the sparkline shows, in words."""
        known = (
            [(label, value) for label, value in self.line.weeks if value is not None]
            if self.line
            else []
        )
        if not known:
            return f"{self.card.name}, 13 weeks: no data"
        (first, old), (last, new) = known[0], known[-1]
        text = f"{self.card.name}: {whole(old, self.card.unit)} in {first}, {whole(new, self.card.unit)} in {last}"
        missing = len(self.series) - len(known)
        return f"{text}; {missing} of {len(self.series)} weeks without data" if missing else text

    @property
    def made_of(self) -> str:
        return DASH if self.line is None else made_of(amounts_of(self.line))

    @property
    def coverage_text(self) -> str:
        """How much of what it should be made from was there."""
        return DASH if self.line is None else whole(self.line.coverage, Unit.PERCENT)

    @property
    def parts(self) -> tuple[PartRow, ...]:
        return tuple(PartRow(part) for part in self.line.parts) if self.line else ()

    @property
    def why(self) -> str:
        """Why there is no number; "" where there is one."""
        return why_not(self.line) if self.line and self.line.value is None else ""


def amounts_of(line: KpiLine) -> Amounts:
    return Amounts(line.numerator, line.denominator, line.covered, line.expected)


def why_not(line: KpiLine) -> str:
    if line.data_day is None:
        return "No day has been filled for this OU yet, or not lately: there is nothing here that it could be made from."
    if not line.expected:
        return "There is nothing here that it could be made from."
    if not line.covered:
        return f"Nothing of what it is made from was known on {_day(line.data_day)}."
    return "Nothing came into its scope in the time that it looks at."


def _day(day: date) -> str:
    return f"{day:%-d %b %Y}"
