"""K3, beside its share: what the weekly review says of exceptions, as far as it is known."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from inventory.models import Organization
from posture.models import KpiPoint


def details(
    day: date, *, organization: Organization, now: datetime
) -> Mapping[int, Mapping[str, Any]]:
    """`suppressed_unapproved`: open findings that somebody suppressed without an exception."""
    points = KpiPoint.objects.filter(
        kpi="K3", part="suppressed", day=day, ou__organization=organization
    )
    return {point.ou_id: {"suppressed_unapproved": int(point.numerator)} for point in points}
