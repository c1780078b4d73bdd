"""K22, beside its pairs: which service is on how far in each OU below, for the heat map."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from inventory.models import Organization, OrganizationalUnit
from posture.models import KpiPoint

SERVICES: Final = {
    "cloudtrail": "CloudTrail",
    "config": "AWS Config",
    "guardduty": "GuardDuty",
    "securityhub": "Security Hub",
}


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
