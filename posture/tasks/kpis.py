"""KPIs: filled every night, and behind the rollup."""

from datetime import datetime
from typing import Any

from celery import shared_task
from django.utils import timezone

from posture import actions
from posture.rollups import kpis


@shared_task(name="posture.fill_kpis")
def fill_kpis(**_: Any) -> list[str]:
    """Close the days that are over, and fill today; returns the KPIs that failed."""
    if actions.is_history_under_way():
        return []
    return kpis_after_rollup(timezone.now())


def kpis_after_rollup(now: datetime) -> list[str]:
    """The KPIs of the day of `now`, which has been rolled up, and of the days before it that are
    not final yet; returns those that failed. Safe to run twice and at once.
    """
    filled = [*kpis.finalise(now=now).values(), kpis.fill_day(now.date(), now=now)]
    return sorted({kpi_id for one in filled for kpi_id in one.failed})
