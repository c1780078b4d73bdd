"""Denials: tied to their invariants with the rollup that follows them, and removed when they are old."""

import logging
from datetime import datetime, timedelta
from typing import Any, Final

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from invariants.ingest import retention
from invariants.models import Denial
from invariants.rollups import serving
from inventory.models import Organization

# What has not been removed by then goes the next night.
RETAINED_FOR: Final = timedelta(minutes=10)
logger = logging.getLogger(__name__)


def tie_new(now: datetime) -> int:
    """Tie what has come since the last time; returns how many denials that were."""
    waiting = Denial.objects.filter(served_at=None).values("organization")
    return sum(
        serving.tie(organization, now=now)
        for organization in Organization.objects.filter(pk__in=waiting).order_by("pk")
    )


@shared_task(name="invariants.retain_denials")
def retain_denials(**_: Any) -> dict[str, int]:
    now = timezone.now()
    counts = retention.remove_old(
        keep_days=settings.POSTURE_KEEP_DENIAL_DAYS,
        now=now,
        clock=timezone.now,
        until=now + RETAINED_FOR,
    )
    logger.info("Retention of denials removed %s", {name: n for name, n in counts.items() if n})
    return counts
