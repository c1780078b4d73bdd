"""What is worked out of the catalogue and the inventory once a collection."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from celery import shared_task
from django.utils import timezone

from invariants.rollups import exceptions, serving, violations
from invariants.tasks.reconciliation import reconcile
from inventory.models import Organization

logger = logging.getLogger(__name__)


@shared_task(name="invariants.evaluate")
def evaluate(**_: Any) -> int:
    return evaluate_invariants(timezone.now())


def evaluate_invariants(now: datetime) -> int:
    """Work out coverage and what follows from it, for every organisation, as of `now`.

    Returns how many steps failed. One that fails leaves what it wrote before as it was, is logged, and
    stops no other: a page then shows an older moment, and a KPI what is known.
    """
    # They read the catalogue, which takes a second to import: web processes, which only send the
    # message, are spared it.
    from invariants.evaluation import coverage, reconciliation  # noqa: PLC0415

    steps: tuple[Callable[..., object], ...] = (
        coverage.run,
        reconcile,
        violations.rebuild,
        serving.tie,
        exceptions.write,
    )
    failed = 0
    for organization in Organization.objects.order_by("pk"):
        for step in steps:
            try:
                step(organization, now=now)
            except Exception as error:
                failed += 1
                logger.exception("%s failed for %s", step.__module__, organization)
                if step is coverage.run:
                    coverage.record_failure(organization, error, now=now)
                if step is reconcile:
                    reconciliation.note(organization, error, now=now)
    return failed
