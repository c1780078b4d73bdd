"""The clock of exceptions: what ends, ends on its day, whether or not anybody looks."""

import logging
from dataclasses import asdict
from typing import Any

from celery import shared_task
from django.utils import timezone

from invariants.actions import exceptions
from inventory.models import Organization
from posture import actions

logger = logging.getLogger(__name__)


@shared_task(name="posture.exceptions_tick")
def exceptions_tick(**_: Any) -> dict[str, Any]:
    """Do what is due in every organisation; returns the counts of those where something was.

    Started twice at once, each exception is served by one of the two: its row is locked, and the
    other finds it done. While a history is played, its own clock counts.
    """
    if actions.is_history_under_way():
        return {}
    now = timezone.now()
    done: dict[str, Any] = {}
    for organization in Organization.objects.order_by("pk"):
        ticked = exceptions.tick(organization, now=now)
        counts = {name: count for name, count in asdict(ticked).items() if count}
        if counts:
            done[organization.org_id] = counts
            logger.info("The clock of exceptions served %s: %s", organization.org_id, counts)
    return done
