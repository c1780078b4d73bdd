"""A KPI of a frozen week as page, PDF and mail show it."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from findings.models import Area
from posture import charts
from posture.kpis.snapshots import KpiEntry, PartEntry
from posture.queries.review_page import marks
from posture.queries.review_page.marks import DASH, Mark

_AT_LEAST: Final = "\N{GREATER-THAN OR EQUAL TO}"
_AT_MOST: Final = "\N{LESS-THAN OR EQUAL TO}"
# What stands behind a value, and behind its change: a ratio moves in points, never in percent.
_SUFFIXES: Final = {"PERCENT": "%", "DAYS": " days", "RATE": " per 100"}
_CHANGE_SUFFIXES: Final = {"PERCENT": " pt", "SCORE": " pt", "DAYS": " days"}


@dataclass(frozen=True, slots=True)
class KpiView:
    """Words and numbers of one KPI. `value` and `delta` are whole for counts; None is no data."""

    entry: KpiEntry
    value: int | Decimal | None
    delta: int | Decimal | None
    status: Mark
    verdict: Mark

    @property
    def id(self) -> str:
        return self.entry.kpi

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def owner(self) -> str:
        return self.entry.owner

    @property
    def unit(self) -> str:
        return self.entry.unit.upper()

    @property
    def text(self) -> str:
        """The value alone: "72.4", "1,208", a dash without data."""
        return DASH if self.value is None else charts.value_text(self.value)

    @property
    def suffix(self) -> str:
        return _SUFFIXES.get(self.unit, "") if self.value is not None else ""

    @property
    def delta_suffix(self) -> str:
        return _CHANGE_SUFFIXES.get(self.unit, "")

    @property
    def change_text(self) -> str:
        """The change where there is no arrow to draw: "+1.5 pt" or "no change"."""
        if self.delta is None:
            return "nothing to compare with"
        if not self.delta:
            return "no change"
        sign = "+" if self.delta > 0 else marks.MINUS
        size = self.delta if self.delta > 0 else -self.delta
        return f"{sign}{charts.value_text(size, self.delta_suffix)}"

    @property
    def target_text(self) -> str:
        """Short, for a line: the KPI's page has the whole agreement."""
        if self.entry.target is not None:
            sign = _AT_LEAST if self.entry.is_better_higher else _AT_MOST
            return f"{sign} {self.entry.target.normalize():f}{_SUFFIXES.get(self.unit, '')}"
        return self.entry.target_text.partition(";")[0].partition(",")[0] or "none agreed"

    @property
    def good(self) -> str:
        """The direction that is an improvement."""
        return "up" if self.entry.is_better_higher else "down"

    @property
    def area_name(self) -> str:
        return str(Area(self.entry.area).label) if self.entry.area in Area.values else "Overall"

    @property
    def series(self) -> tuple[Decimal | None, ...]:
        return tuple(value for _, value in self.entry.weeks)

    @property
    def tone(self) -> str:
        """The colour of its sparkline."""
        return marks.TONES.get(self.status.tone, "")

    @property
    def has_signal(self) -> bool:
        """Whether this week is outside of what the weeks before let expect."""
        return bool(self.entry.weeks) and len(self.entry.weeks) - 1 in self.entry.signals

    @property
    def is_exceptional(self) -> bool:
        """What a meeting talks about: off target, or moved by more than noise."""
        return self.status.code == "OFF_TARGET" or self.has_signal

    @property
    def history_text(self) -> str:
        """What the sparkline shows, in words."""
        weeks = self.entry.weeks
        known = [(label, value) for label, value in weeks if value is not None]
        if not known:
            return "no data in 13 weeks"
        (first, start), (last, end) = known[0], known[-1]
        text = f"{charts.value_text(start)} in {first} to {charts.value_text(end)} in {last}"
        signals = [weeks[index][0] for index in self.entry.signals if index < len(weeks)]
        return f"{text}; signal in {', '.join(signals)}" if signals else text

    @property
    def made_of(self) -> str:
        """ "381 of 412", for a share of things that can be counted."""
        whole, share = self.entry.denominator, self.entry.numerator
        if self.unit != "PERCENT" or not whole or share is None:
            return ""
        if share != share.to_integral_value() or whole != whole.to_integral_value():
            return ""
        return f"{int(share):,} of {int(whole):,}"

    @property
    def parts(self) -> tuple[tuple[str, str], ...]:
        """Its lines beside, as (name, value in words)."""
        return tuple((part.name or part.part, _part_text(part)) for part in self.entry.parts)


def kpi_view(entry: KpiEntry) -> KpiView:
    return KpiView(
        entry=entry,
        value=_amount(entry.value, entry.unit),
        delta=_amount(entry.delta, entry.unit),
        status=marks.status(entry.status),
        verdict=marks.verdict(entry.verdict),
    )


def kpi_views(entries: Iterable[KpiEntry]) -> tuple[KpiView, ...]:
    return tuple(kpi_view(entry) for entry in entries)


def _amount(value: Decimal | None, unit: str) -> int | Decimal | None:
    """A count as a whole number, everything else as it was frozen."""
    return int(value) if value is not None and unit.upper() == "COUNT" else value


def _part_text(part: PartEntry) -> str:
    value = _amount(part.value, part.unit)
    suffix = _SUFFIXES.get(part.unit.upper(), "")
    return "no data" if value is None else charts.value_text(value, suffix)
