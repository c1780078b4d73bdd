"""What was kept in a KPI's details in each of the last weeks: what its cohorts are drawn from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from django.db import connection

from inventory.models import OrganizationalUnit
from posture.queries.figures import DAYS_A_WEEK, WEEKS, week_label

# One step down the index for each week. Week 0 ends on the day.
_DETAILS: Final = """
SELECT w.week, p.details
FROM generate_series(0, %(weeks)s - 1) w (week)
CROSS JOIN LATERAL (SELECT * FROM posture_kpipoint p
    WHERE p.ou_id = %(ou)s AND p.kpi = %(kpi)s AND p.part = ''
        AND p.day <= %(day)s::date - 7 * w.week AND p.day > %(day)s::date - 7 * (w.week + 1)
    ORDER BY p.day DESC LIMIT 1) p
WHERE p.covered > 0
"""


@dataclass(frozen=True, slots=True)
class PastWeek:
    """The details of the newest point of a week; empty without data."""

    label: str
    details: Mapping[str, Any] = field(default_factory=dict)


def past_weeks(ou: OrganizationalUnit, kpi_id: str, *, day: date) -> tuple[PastWeek, ...]:
    """13 weeks, oldest first. One query; whoever calls has decided that the OU may be seen."""
    values: dict[str, Any] = {"weeks": WEEKS, "ou": ou.pk, "kpi": kpi_id, "day": day}
    with connection.cursor() as cursor:
        cursor.execute(_DETAILS, values)
        found = {week: json.loads(details) for week, details in cursor.fetchall()}
    return tuple(
        PastWeek(week_label(day - timedelta(days=DAYS_A_WEEK * week)), found.get(week, {}))
        for week in range(WEEKS - 1, -1, -1)
    )
