"""K22: the count of the coverage page, and which service is on how far in each OU below."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final

from django.db import connection

from inventory.models import Organization, OrganizationalUnit
from posture.models import KpiPoint, RollupState
from posture.rollups import coverage, facts
from posture.rollups.kpis.rows import Row

SERVICES: Final = {
    "cloudtrail": "CloudTrail",
    "config": "AWS Config",
    "guardduty": "GuardDuty",
    "securityhub": "Security Hub",
}
# The columns of the coverage page that are its parts; "" is all four in the same pair.
_PARTS: Final = {"detection": "", **{service: service for service in SERVICES}}
_PAIRS: Final = """
SELECT c.account_id, p.part, c."on", c.expected, c.told, c.expected
FROM posture_accountcoverage c JOIN accounts_of_day a ON a.account_id = c.account_id
JOIN unnest(%(services)s::text[], %(parts)s::text[]) AS p (service, part) ON p.service = c.service
WHERE a.is_active
"""


def k22(day: date, *, organization: Organization, now: datetime) -> Iterable[Row]:
    """Nothing for a day that is over: facts are kept as they are now."""
    if day != now.date():
        return ()
    # A count of another moment would take facts for fresh that are not any more.
    if not RollupState.objects.filter(name=coverage.NAME, as_of=now).exists():
        coverage.count_coverage(now=now, stale_before=now - facts.hold(now))
    values = {"services": list(_PARTS), "parts": list(_PARTS.values())}
    with connection.cursor() as cursor:
        cursor.execute(_PAIRS, values)
        return [Row(*columns) for columns in cursor.fetchall()]


def details(
    day: date,
    *,
    organization: Organization,
    now: datetime,
) -> Mapping[int, Mapping[str, Any]]:
    """A row for each child of an OU: [on, expected] by service, null where nobody has told."""
    pairs: dict[int, dict[str, list[int] | None]] = {}
    points = KpiPoint.objects.filter(kpi="K22", day=day, ou__organization=organization)
    for point in points.exclude(part=""):
        told = [int(point.numerator), int(point.denominator)] if point.covered else None
        pairs.setdefault(point.ou_id, {})[point.part] = told
    rows: dict[int, list[list[Any]]] = {ou: [] for ou in pairs}
    children = OrganizationalUnit.objects.filter(pk__in=list(pairs)).order_by("name", "pk")
    for ou in children:
        if ou.parent_id in rows:
            cells = [pairs[ou.pk].get(service) for service in SERVICES]
            rows[ou.parent_id].append([ou.name, cells])
    columns = list(SERVICES.values())
    return {ou: {"heat": {"columns": columns, "rows": found}} for ou, found in rows.items()}
