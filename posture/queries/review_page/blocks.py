"""The other blocks of a frozen week that no person writes."""

from dataclasses import dataclass
from decimal import Decimal

from findings.models import Area, Severity
from posture import charts
from posture.kpis.snapshots import (
    AreaEntry,
    ExceptionBlock,
    OuEntry,
    PracticeEntry,
    SlaBlock,
    SlaLine,
    Snapshot,
)
from posture.queries.review_page import marks
from posture.queries.review_page.marks import Mark

_DEEPEST_INDENT = 5
FlowRow = tuple[str, int | None, int | None, int | None]


@dataclass(frozen=True, slots=True)
class SlaView:
    line: SlaLine

    @property
    def name(self) -> str:
        known = self.line.severity in Severity.values
        return str(Severity(self.line.severity).label) if known else self.line.severity

    @property
    def attainment_text(self) -> str:
        value = self.line.attainment
        if value is not None:
            return f"{charts.value_text(value)}% in time"
        return "no data" if self.line.open is None else "nothing fell due"


@dataclass(frozen=True, slots=True)
class ExceptionsView:
    """Counts are None where nothing measures them yet."""

    block: ExceptionBlock

    @property
    def is_empty(self) -> bool:
        """Whether no exception was in force, nor had lapsed."""
        return not (self.block.active or self.block.expired)

    @property
    def is_unknown(self) -> bool:
        return self.block.active is None

    @property
    def granted_text(self) -> str:
        """By risk, the gravest first: "2: 1 critical, 1 low"."""
        granted = self.block.granted
        if granted is None:
            return "no data"
        levels = ", ".join(f"{count:,} {risk.lower()}" for risk, count in granted)
        return f"{sum(count for _, count in granted):,}{f': {levels}' if levels else ''}"

    @property
    def alarms(self) -> tuple[str, ...]:
        """What is red everywhere."""
        zombies, unapproved = self.block.zombies, self.block.unapproved
        return tuple(
            text
            for count, text in (
                (zombies, f"{marks.plural(zombies or 0, 'exception')} ended and still deployed"),
                (unapproved, f"{marks.plural(unapproved or 0, 'carve-out')} that nobody approved"),
            )
            if count
        )

    @property
    def marked(self) -> tuple[tuple[str, str, Mark | None], ...]:
        """(what, value in words, how that is), in the order of the page; None where nothing is asked for."""
        block = self.block
        counts = (
            ("In force", block.active, ""),
            ("End within 30 days", block.expiring_30, ""),
            ("Past their end", block.expired, "WATCH"),
            ("Ended, and still deployed (zombies)", block.zombies, "OFF_TARGET"),
            ("Deployed without approval", block.unapproved, "OFF_TARGET"),
            ("Approved, not in place", block.not_in_place, "WATCH"),
            ("Renewed twice or more", block.renewed_twice, ""),
            ("Suppressed without approval", block.suppressed_unapproved, ""),
            ("Controls switched off", block.disabled_controls, ""),
        )
        load = "no data" if block.load is None else charts.value_text(block.load, "%")
        return (
            ("Share of the weight", load, None),
            ("Granted in the week", self.granted_text, None),
            *((name, _counted(count), _mark_of(count, code)) for name, count, code in counts),
        )

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """(what, value in words), in the order of the page."""
        return tuple((name, text) for name, text, _ in self.marked)


def _counted(count: int | None) -> str:
    return "no data" if count is None else f"{count:,}"


def _mark_of(count: int | None, code: str) -> Mark | None:
    """How a count is of which there should be none; `code` is the status of one or more."""
    if not code:
        return None
    if count is None:
        return marks.status("NO_DATA")
    return marks.status(code if count else "ON_TARGET")


@dataclass(frozen=True, slots=True)
class AreaView:
    """One of the seven areas; `tick` is its score a week before."""

    code: str
    label: str
    score: Decimal | None
    delta: Decimal | None
    tick: Decimal | None


@dataclass(frozen=True, slots=True)
class OuView:
    """`name` leaves out the names of those above it, below which it stands."""

    entry: OuEntry
    indent: int
    name: str


@dataclass(frozen=True, slots=True)
class PracticeView:
    number: int
    entry: PracticeEntry
    status: Mark

    @property
    def value_text(self) -> str:
        return self.entry.value_text or "no data"


def overdue_bands(block: SlaBlock) -> tuple[tuple[str, dict[str, int]], ...]:
    """Overdue findings by how late they are, as the stacked columns take them."""
    by_band: dict[str, dict[str, int]] = {}
    for line in block.severities:
        for label, count in line.bands:
            by_band.setdefault(label, {})[line.severity.lower()] = count
    return tuple(by_band.items())


def overdue_title(bands: tuple[tuple[str, dict[str, int]], ...]) -> str:
    """The finding of those columns: "117 overdue CRITICAL and HIGH findings, 18 of them over 30 days"."""
    if not bands:
        return "No data on overdue findings"
    total = sum(sum(counts.values()) for _, counts in bands)
    if not total:
        return "No CRITICAL or HIGH finding is overdue"
    label, oldest = bands[-1]
    text = f"{marks.plural(total, 'CRITICAL and HIGH finding')} overdue"
    return f"{text}, {sum(oldest.values()):,} of them {label}"


def flow(snapshot: Snapshot) -> tuple[FlowRow, ...]:
    """(week, opened, reopened, closed) of 13 weeks, oldest first."""
    return tuple((one.week, one.opened, one.reopened, one.closed) for one in snapshot.flow)


def areas(snapshot: Snapshot) -> tuple[AreaView, ...]:
    return tuple(_area(one) for one in snapshot.areas)


def _area(entry: AreaEntry) -> AreaView:
    known = entry.area in Area.values
    score, delta = entry.score, entry.delta
    return AreaView(
        code=entry.area,
        label=str(Area(entry.area).label) if known else entry.name,
        score=score,
        delta=delta,
        tick=None if score is None or delta is None else score - delta,
    )


def ous(snapshot: Snapshot) -> tuple[OuView, ...]:
    above: list[str] = []
    found = []
    for one in snapshot.ous:
        del above[one.depth :]
        name = one.label.removeprefix(f"{above[-1]} / ") if above else one.label
        found.append(OuView(one, min(one.depth, _DEEPEST_INDENT), name))
        above.append(one.label)
    return tuple(found)


def practices(snapshot: Snapshot) -> tuple[PracticeView, ...]:
    return tuple(
        PracticeView(number, one, marks.status(one.status))
        for number, one in enumerate(snapshot.practices, start=1)
    )
