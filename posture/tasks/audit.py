from typing import Any

from celery import shared_task
from django.utils import timezone

from posture.actions.audit import configuration


@shared_task(name="posture.audit_settings")
def audit_settings(**_: Any) -> bool:
    return configuration.note_changes(now=timezone.now())
