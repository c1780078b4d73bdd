"""Makes the reports that people ask for."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from posture.actions import reports


@shared_task(name="posture.make_report")
def make_report(*, report_id: int, **_: Any) -> str | None:
    return reports.make_report(report_id, now=timezone.now())
