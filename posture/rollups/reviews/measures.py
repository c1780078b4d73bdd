"""The KPIs of a week and what hangs on them: due dates, flow, exceptions and the ten practices."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from inventory.models import OrganizationalUnit
from posture import kpis
from posture.kpis import Kpi, Status, Verdict
from posture.kpis.snapshots import (
    ExceptionBlock,
    FlowWeek,
    KpiEntry,
    Limits,
    PartEntry,
    PracticeEntry,
    SlaBlock,
    SlaLine,
    TierLine,
)
from posture.kpis.weeks import Week
from posture.queries import flow
from posture.queries import kpis as queries
from posture.queries.kpis import KpiLine, PartLine

# The ten foundational practices, and the KPIs that measure each.
PRACTICES: Final = (
    ("A culture of security", ("K2", "K3", "K4", "K5", "K6")),
    ("MFA everywhere", ("K10", "K11")),
    ("No long-term credentials, no hard-coded secrets", ("K12", "K21")),
    ("Least privilege", ("K13",)),
    ("Encryption at rest and in transit", ("K16", "K17")),
    ("Many accounts with AWS Organizations", ("K7", "K8", "K9")),
    ("CloudTrail in all accounts", ("K22",)),
    ("Regular patching", ("K26", "K27", "K29")),
    ("Scanning, detection and remediation", ("K18", "K22", "K23", "K24", "K25", "K30")),
    ("Findings in one place", ("K1", "K23")),
)
# What is not measured is no comfort: only a KPI that misses its target stands before it.
_WORST_FIRST: Final = (
    Status.OFF_TARGET,
    Status.NO_DATA,
    Status.WATCH,
    Status.TOO_FEW,
    Status.ON_TARGET,
    Status.NO_TARGET,
)
# What a KpiEntry holds where nothing was measured.
_UNMEASURED: Final[Mapping[str, Any]] = {
    "value": None,
    "previous": None,
    "delta": None,
    "status": str(Status.NO_DATA),
    "verdict": str(Verdict.UNKNOWN),
    "numerator": None,
    "denominator": None,
    "covered": None,
    "expected": None,
    "coverage": None,
}
_SIGNS: Final = {"PERCENT": "%", "RATE": " per 100", "DAYS": " days"}
_SEVERITIES: Final = ("CRITICAL", "HIGH")


def read(root: OrganizationalUnit, week: Week, *, until: date) -> tuple[KpiEntry, ...]:
    """All thirty as of `until`, the last day of the week that is over. Two queries."""
    return tuple(
        _entry(line) if _is_of(line, week) else without_data(line)
        for line in queries.lines_of(root, day=until)
    )


def _is_of(line: KpiLine, week: Week) -> bool:
    """An older value says nothing of this week."""
    return line.data_day is not None and line.data_day >= week.starts_on


def _entry(line: KpiLine) -> KpiEntry:
    return _with(
        line,
        value=line.value,
        previous=line.previous,
        delta=line.delta,
        status=str(line.status),
        verdict=str(line.verdict),
        numerator=line.numerator,
        denominator=line.denominator,
        covered=line.covered,
        expected=line.expected,
        coverage=line.coverage,
        data_day=line.data_day,
        previous_day=line.previous_day,
        parts=tuple(_part(part) for part in line.parts),
        details=line.details,
    )


def without_data(line: KpiLine) -> KpiEntry:
    """The card and its past weeks alone."""
    return _with(line, **_UNMEASURED)


def _with(line: KpiLine, **values: Any) -> KpiEntry:  # the fields of KpiEntry that are measured
    chart = line.xmr
    return _of_card(
        line.kpi,
        weeks=line.weeks,
        limits=Limits(chart.mean, chart.low, chart.high) if chart else None,
        signals=chart.signals if chart else (),
        earlier=line.earlier,
        **values,
    )


def _of_card(card: Kpi, **values: Any) -> KpiEntry:  # the other fields of KpiEntry
    return KpiEntry(
        kpi=card.id,
        name=card.name,
        area=card.area,
        is_headline=card.is_headline,
        unit=str(card.unit),
        is_better_higher=card.is_better_higher,
        target=card.target,
        amber=card.amber,
        target_text=card.target_text,
        owner=card.owner,
        is_weighted=card.is_weighted,
        **values,
    )


def _part(line: PartLine) -> PartEntry:
    card = line.part
    return PartEntry(
        part=card.id,
        name=card.name,
        unit=str(card.unit),
        value=line.value,
        delta=line.delta,
        is_better_higher=card.is_better_higher,
        target=card.target,
        amber=card.amber,
        status=str(line.status),
        is_weighted=card.is_weighted,
    )


def sla(entries: Iterable[KpiEntry]) -> SlaBlock:
    """Due dates kept and missed (K2), and vulnerabilities by deadline (K26)."""
    by_id = {entry.kpi: entry for entry in entries}
    found = _details(by_id, "K2").get("severities") or {}
    attained = {part.part.upper(): part.value for part in by_id["K2"].parts}
    return SlaBlock(
        severities=tuple(
            _sla_line(severity, found.get(severity), attained.get(severity))
            for severity in _SEVERITIES
        ),
        tiers=tuple(TierLine(*tier) for tier in _details(by_id, "K26").get("tiers") or ()),
    )


def _sla_line(
    severity: str, found: Mapping[str, Any] | None, attainment: Decimal | None
) -> SlaLine:
    if found is None:
        return SlaLine(severity, None, None, attainment=attainment)
    return SlaLine(
        severity,
        open=found["open"],
        overdue=found["overdue"],
        bands=_bands(found),
        attainment=attainment,
        due_14=found.get("due_14"),
    )


def weeks_of_flow(root: OrganizationalUnit, *, until: date) -> tuple[FlowWeek, ...]:
    """What was opened and closed in each of the 13 weeks, oldest first. One query."""
    return tuple(
        FlowWeek(week.week, week.opened, week.reopened, week.closed, week.net)
        for week in flow.flow(root, day=until)
    )


def exceptions(
    entries: Iterable[KpiEntry], *, load: Decimal | None, disabled_controls: int | None
) -> ExceptionBlock:
    """How much is excepted, and how old that is (K3)."""
    found = _details({entry.kpi: entry for entry in entries}, "K3")
    return ExceptionBlock(
        load=load,
        active=found.get("active"),
        expiring_30=found.get("expiring_30"),
        expired=found.get("expired"),
        renewed_twice=found.get("renewed_twice"),
        suppressed_unapproved=found.get("suppressed_unapproved"),
        disabled_controls=disabled_controls,
        bands=_bands(found),
        zombies=found.get("zombies"),
        unapproved=found.get("unapproved"),
        not_in_place=found.get("not_in_place"),
        oldest_days=found.get("max_age_days"),
        granted=_pairs(found, "granted") if "granted" in found else None,
        third_periods=_pairs(found, "third_periods"),
    )


def _details(by_id: Mapping[str, KpiEntry], kpi: str) -> Mapping[str, Any]:
    return by_id[kpi].details if kpi in by_id else {}


def _bands(found: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    return tuple((label, number) for label, number in found.get("bands") or ())


# Any: pairs of a name with a count, or with a text.
def _pairs(found: Mapping[str, Any], name: str) -> tuple[tuple[Any, Any], ...]:
    return tuple((first, second) for first, second in found.get(name) or ())


def practices(entries: Sequence[KpiEntry]) -> tuple[PracticeEntry, ...]:
    """Each practice with the worst status of its KPIs, and the number that gives it."""
    by_id = {entry.kpi: entry for entry in entries}
    return tuple(
        _practice(name, ids, [by_id[kpi] for kpi in ids if kpi in by_id]) for name, ids in PRACTICES
    )


def _practice(name: str, ids: tuple[str, ...], entries: Sequence[KpiEntry]) -> PracticeEntry:
    rank: Callable[[KpiEntry], int] = lambda entry: _WORST_FIRST.index(Status(entry.status))  # noqa: E731
    worst = min(entries, key=rank, default=None)
    if worst is None:
        return PracticeEntry(name, ids, str(Status.NO_DATA), "")
    return PracticeEntry(name, ids, worst.status, f"{worst.kpi} {value_text(worst)}")


def value_text(entry: KpiEntry) -> str:
    """The number as people read it: "92.4%", "23", "no data"."""
    if entry.value is None:
        return "no data"
    return f"{entry.value:,}{_SIGNS.get(entry.unit, '')}"


def cards_alone() -> tuple[KpiEntry, ...]:
    """All thirty of a week in which nothing was collected."""
    return tuple(
        _of_card(card, weeks=(), limits=None, signals=(), **_UNMEASURED)
        for card in kpis.registry().values()
    )
