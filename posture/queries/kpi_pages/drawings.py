"""The drawings that belong to single KPIs, from what was kept in their details."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final, TypeAlias

from inventory.models import OrganizationalUnit
from posture import charts
from posture.charts import Figure, Pile, Week
from posture.queries import flow
from posture.queries.flow import FlowWeek
from posture.queries.kpi_pages.weeks import PastWeek, past_weeks
from posture.queries.kpis import KpiLine

Details: TypeAlias = Mapping[str, Any]  # JSON, as the fill of each KPI wrote it

_SEVERITIES: Final = ("critical", "high")
_QUANTILES: Final = (
    ("median", "half are closed after"),
    ("p75", "three quarters after"),
    ("p90", "nine in ten after"),
)


def drawings(line: KpiLine, ou: OrganizationalUnit, *, day: date) -> tuple[Figure, ...]:
    """The drawings of this KPI; most have none but their history. One query at most."""
    if draw := _OF_DETAILS.get(line.kpi.id):
        return draw(line.details)
    if line.kpi.id == "K2":
        return _cohorts(past_weeks(ou, line.kpi.id, day=day), line.details)
    if line.kpi.id == "K28":
        return _flow(flow.flow(ou, day=day), line.details)
    return ()


def _grades(details: Details) -> tuple[Figure, ...]:
    return (charts.grades(details.get("grades") or {}),)


def _heat(details: Details) -> tuple[Figure, ...]:
    found = details.get("heat") or {}
    rows = [(label, [_share(pair) for pair in pairs]) for label, pairs in found.get("rows") or ()]
    if found and not rows:
        # An OU without OUs below it: the lines beside the KPI say the same.
        return ()
    return (charts.heat(rows, found.get("columns") or (), name="Detection coverage"),)


def _share(pair: Sequence[Any] | None) -> Decimal | None:
    """Percent of (on, expected); None where nobody told or nothing is expected."""
    if pair is None or not pair[1]:
        return None
    return 100 * Decimal(pair[0]) / Decimal(pair[1])


def _survival(details: Details) -> tuple[Figure, ...]:
    return tuple(_curve(severity, details.get(severity) or {}) for severity in _SEVERITIES)


def _curve(severity: str, curve: Details) -> Figure:
    steps = [(_days(day), Decimal(share)) for day, share in curve.get("steps") or ()]
    return charts.survival(
        steps,
        name=f"{severity.capitalize()} findings",
        sla=curve.get("due_day"),
        quantiles=[(words, _days(curve[name])) for name, words in _QUANTILES if name in curve],
        followed=_days(curve.get("followed")),
    )


def _days(value: Any) -> Any:  # a JSON number or text, or null
    return Decimal(value) if isinstance(value, str) else value


def _cohorts(weeks: Sequence[PastWeek], details: Details) -> tuple[Figure, ...]:
    """What fell due in each week, critical and high together; and by how much the rest is late."""
    columns = [(week.label, *_became(week.details)) for week in weeks]
    stock = {name.lower(): dict(one["bands"]) for name, one in _severities(details).items()}
    labels = list(next(iter(stock.values()), ()))
    bands = [
        (label, {severity: counts.get(label) for severity, counts in stock.items()})
        for label in labels
    ]
    return (
        charts.cohort(columns, name="Critical and high findings"),
        charts.ages(bands, name="Past their due date", measure="late"),
    )


def _severities(details: Details) -> Mapping[str, Details]:
    found: Mapping[str, Details] = details.get("severities") or {}
    return found


def _became(details: Details) -> tuple[int | None, int | None, int | None]:
    """(in time, late, still open) of those that were due in the week."""
    found = [one["week"] for one in _severities(details).values()]
    if not found:
        return None, None, None
    in_time, late, still = (
        sum(week[name] for week in found) for name in ("in_time", "late", "still_open")
    )
    return in_time, late, still


def _flow(weeks: Sequence[FlowWeek], details: Details) -> tuple[Figure, ...]:
    rows = [Week(w.week, w.opened, w.reopened, w.closed, w.entries) for w in weeks]
    bands = [(label, counts) for label, counts in details.get("ages") or ()]
    return (
        charts.flow(rows, name="Critical and high findings"),
        charts.cumulative(
            [Pile(w.week, w.closed, w.backlog) for w in weeks], name="Cumulative flow"
        ),
        charts.ages(bands, name="Backlog"),
    )


def _tiers(details: Details) -> tuple[Figure, ...]:
    rows = [(str(tier), still, late) for tier, still, late in details.get("tiers") or ()]
    return (charts.bars(rows, name="Vulnerabilities by deadline"),) if rows else ()


_OF_DETAILS: Final[Mapping[str, Callable[[Details], tuple[Figure, ...]]]] = {
    "K1": _grades,
    "K22": _heat,
    "K26": _tiers,
    "K27": _survival,
}
