"""How a KPI of an OU came to where it is: its weeks, and what changed in its card."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from inventory.access import AnyUser
from inventory.models import OrganizationalUnit
from posture import kpis
from posture.kpis import Verdict, statistics
from posture.kpis.statistics import Xmr
from posture.models import KpiFill
from posture.queries.figures import DAYS_A_WEEK, week_label
from posture.queries.kpis.amounts import past
from posture.queries.kpis.lines import control_chart, is_visible

# Two years and a bit: more weeks than a chart can show.
LONGEST: Final = 120


@dataclass(frozen=True, slots=True)
class WeekPoint:
    """The newest point of a week; None is "no data": a gap."""

    label: str
    day: date | None
    value: Decimal | None
    coverage: Decimal | None
    numerator: Decimal | None
    denominator: Decimal | None


@dataclass(frozen=True, slots=True)
class CardChange:
    """From this day on the KPI was filled by another formula, or judged by another target."""

    day: date
    formula_version: int
    target_version: int


@dataclass(frozen=True, slots=True)
class KpiHistory:
    """Weeks, oldest first; `xmr.signals` are places in them. `since` is the first day there is."""

    weeks: tuple[WeekPoint, ...]
    xmr: Xmr | None
    verdict: Verdict
    changes: tuple[CardChange, ...]
    since: date | None


def history(
    user: AnyUser, kpi_id: str, ou: OrganizationalUnit, *, since: date, until: date
) -> KpiHistory | None:
    """The weeks from `since` to `until`, 120 at most; None where it may not be seen. Three queries."""
    card = kpis.registry().get(kpi_id)
    if card is None or not is_visible(user, ou):
        return None
    count = min(max((until - since).days // DAYS_A_WEEK + 1, 1), LONGEST)
    found = past(ou, [card], day=until, weeks=count).get(kpi_id, {})
    weeks = []
    for week in range(count - 1, -1, -1):
        point = found.get(week)
        amounts = point.amounts if point else None
        weeks.append(
            WeekPoint(
                label=week_label(until - timedelta(days=DAYS_A_WEEK * week)),
                day=point.day if point else None,
                value=amounts.value(card) if amounts else None,
                coverage=amounts.coverage if amounts else None,
                numerator=amounts.numerator if amounts else None,
                denominator=amounts.denominator if amounts else None,
            )
        )
    chart = control_chart(card, found, weeks=count)
    return KpiHistory(
        weeks=tuple(weeks),
        xmr=chart,
        verdict=statistics.verdict(chart, card.is_better_higher),
        changes=_changes(kpi_id, ou, since=since, until=until),
        since=min((point.day for point in found.values()), default=None),
    )


def _changes(
    kpi_id: str, ou: OrganizationalUnit, *, since: date, until: date
) -> tuple[CardChange, ...]:
    """Days on which a version differs from that of the fill before. One query."""
    fills = KpiFill.objects.filter(organization=ou.organization_id, kpi=kpi_id)
    rows = fills.filter(day__gte=since, day__lte=until).order_by("day")
    changes: list[CardChange] = []
    before: tuple[int, int] | None = None
    for day, formula, target in rows.values_list("day", "formula_version", "target_version"):
        if before is not None and before != (formula, target):
            changes.append(CardChange(day, formula, target))
        before = formula, target
    return tuple(changes)
