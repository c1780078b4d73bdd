"""Sends what people have to know about signing in."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from posture.actions.sign_in import notices


@shared_task(name="posture.mail_notice")
def mail_notice(*, notice_id: int, **_: Any) -> str | None:
    return notices.deliver(notice_id, now=timezone.now())


@shared_task(name="posture.mail_notices_due")
def mail_notices_due(**_: Any) -> int:
    """What failed, and what a dead worker left."""
    found = notices.due(now=timezone.now())
    for pk in found:
        mail_notice.delay(notice_id=pk)
    return len(found)
