"""What comes in and goes out week by week, and what is open, overdue and due soon.

Read from the points of K2, K26 and K28, so that a page, the review and the KPIs say the same, and
cost the same however many findings there are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import connection
from django.db.models import Count, Q, QuerySet, Sum

from inventory.access import AnyUser
from inventory.models import Account, OrganizationalUnit
from posture.kpis import statistics
from posture.models import KpiAccountPoint, KpiPoint
from posture.queries.figures import DAYS_A_WEEK, WEEKS, week_label

_PARTS: Final = ("opened", "reopened", "closed", "entries", "backlog")
SEVERITIES: Final = ("CRITICAL", "HIGH")


@dataclass(frozen=True, slots=True)
class FlowWeek:
    """Seven days up to `day` (None: nothing was filled in them), by their ISO week such as "W47".

    None in the amounts is "no data". `entries` came with new controls and accounts, and is no part
    of the net. `backlog` is what was open at the end of the day.
    """

    week: str
    day: date | None = None
    opened: int | None = None
    reopened: int | None = None
    closed: int | None = None
    entries: int | None = None
    backlog: int | None = None

    @property
    def net(self) -> int | None:
        """By how much the stock grew."""
        if self.opened is None or self.reopened is None or self.closed is None:
            return None
        return statistics.net_flow(opened=self.opened, reopened=self.reopened, closed=self.closed)


@dataclass(frozen=True, slots=True)
class SeverityStock:
    """What is open of one severity, at the end of a day.

    `bands` are (how long past due, number). `attainment` is percent closed in time of what was due in
    the last seven days, None where nothing was due.
    """

    severity: str
    open: int
    overdue: int
    due_14: int
    bands: tuple[tuple[str, int], ...]
    attainment: Decimal | None


@dataclass(frozen=True, slots=True)
class TierStock:
    """Pairs of vulnerability and resource in a tier of deadlines: open, and of those overdue."""

    tier: str
    open: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Sla:
    """`day` is that of the numbers, None where there are none."""

    day: date | None
    severities: tuple[SeverityStock, ...] = ()
    tiers: tuple[TierStock, ...] = ()


# The newest point in each of the weeks before the day: one step down the index for each.
_FLOW: Final = """
SELECT w.week, x.part, p.day, p.numerator, p.covered
FROM generate_series(0, %(weeks)s - 1) w (week)
CROSS JOIN unnest(%(parts)s::text[]) x (part)
CROSS JOIN LATERAL (SELECT * FROM posture_kpipoint p
    WHERE p.ou_id = %(ou)s AND p.kpi = 'K28' AND p.part = x.part
        AND p.day <= %(day)s::date - 7 * w.week AND p.day > %(day)s::date - 7 * (w.week + 1)
    ORDER BY p.day DESC LIMIT 1) p
"""


def flow(ou: OrganizationalUnit, *, day: date, weeks: int = WEEKS) -> tuple[FlowWeek, ...]:
    """The weeks up to `day`, oldest first. Whoever calls decides who may read it. One query."""
    values: dict[str, Any] = {
        "ou": ou.pk,
        "day": day,
        "weeks": weeks,
        "parts": list(_PARTS),
    }
    with connection.cursor() as cursor:
        cursor.execute(_FLOW, values)
        return _weeks(cursor.fetchall(), day=day, weeks=weeks)


def flow_visible_to(
    user: AnyUser, ou: OrganizationalUnit, *, day: date, weeks: int = WEEKS
) -> tuple[FlowWeek, ...]:
    """The same, of those accounts below the OU that the person sees. Three queries.

    An account counts in the OU that it is in today.
    """
    if OrganizationalUnit.objects.visible_to(user).filter(pk=ou.pk).exists():
        return flow(ou, day=day, weeks=weeks)
    accounts = Account.objects.visible_to(user).live().under(ou).count()
    if not accounts:
        return _weeks((), day=day, weeks=weeks)
    parts = list(_PARTS)
    days = _newest_days(day - timedelta(days=DAYS_A_WEEK * weeks), day)
    mine = KpiAccountPoint.objects.visible_to(user).filter(
        account__ou__path__startswith=ou.path, kpi="K28", part__in=parts, day__in=days
    )
    unknown = Count("pk", filter=Q(covered=0, expected__gt=0))
    summed = {
        (row["part"], row["day"]): (row["number"], row["unknown"])
        for row in mine.values("part", "day").annotate(number=Sum("numerator"), unknown=unknown)
    }
    # An account in which nothing happened has no row: it counts as known, and as nothing.
    nothing = (Decimal(0), 0)
    rows = [
        ((day - at).days // DAYS_A_WEEK, part, at, number, Decimal(accounts - missing))
        for at in days
        for part in parts
        for number, missing in (summed.get((part, at), nothing),)
    ]
    return _weeks(rows, day=day, weeks=weeks)


def _newest_days(since: date, until: date) -> list[date]:
    """The newest day of each week on which K28 was filled, by the points of the root."""
    filled = KpiPoint.objects.filter(kpi="K28", part="", ou__depth=0, day__gt=since, day__lte=until)
    newest: dict[int, date] = {}
    for day in filled.order_by("day").values_list("day", flat=True):
        newest[(until - day).days // DAYS_A_WEEK] = day
    return list(newest.values())


def _weeks(
    rows: Iterable[tuple[int, str, date, Decimal, Decimal]], *, day: date, weeks: int
) -> tuple[FlowWeek, ...]:
    found: dict[int, dict[str, Any]] = {}
    for week, part, at, number, covered in rows:
        told = found.setdefault(week, {"day": at})
        told[part] = int(number) if covered else None
    return tuple(
        FlowWeek(week_label(day - timedelta(days=DAYS_A_WEEK * week)), **found.get(week, {}))
        for week in range(weeks - 1, -1, -1)
    )


def sla(ou: OrganizationalUnit, *, day: date) -> Sla:
    """As of the newest day of the week up to `day`. Whoever calls decides who may read it. One query."""
    points = KpiPoint.objects.filter(
        ou=ou,
        kpi__in=("K2", "K26"),
        part="",
        day__lte=day,
        day__gt=day - timedelta(days=DAYS_A_WEEK),
    )
    return _sla(points)


def sla_visible_to(user: AnyUser, ou: OrganizationalUnit, *, day: date) -> Sla:
    """The same for a person; without a day where they may not see all of the OU. Two queries."""
    may = OrganizationalUnit.objects.visible_to(user).filter(pk=ou.pk).exists()
    return sla(ou, day=day) if may else Sla(None)


def _sla(points: QuerySet[KpiPoint]) -> Sla:
    newest: dict[str, KpiPoint] = {point.kpi: point for point in points.order_by("day")}
    due, tiers = newest.get("K2"), newest.get("K26")
    if due is None or not due.covered:
        return Sla(None)
    told: Mapping[str, Any] = due.details.get("severities", {})
    return Sla(
        due.day,
        tuple(_stock(severity, told.get(severity, {})) for severity in SEVERITIES),
        tuple(TierStock(*tier) for tier in tiers.details.get("tiers", ())) if tiers else (),
    )


def _stock(severity: str, told: Mapping[str, Any]) -> SeverityStock:
    attainment = told.get("attainment")
    return SeverityStock(
        severity=severity,
        open=told.get("open", 0),
        overdue=told.get("overdue", 0),
        due_14=told.get("due_14", 0),
        bands=tuple((label, number) for label, number in told.get("bands", ())),
        attainment=None if attainment is None else Decimal(attainment),
    )
