"""Sends the weekly review to those who get it."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from posture.actions import mail
from posture.models import ReviewSchedule, WeeklyReview


@shared_task(name="posture.mail_review")
def mail_review(*, review_id: int, by: str, is_asked_for: bool = False, **_: Any) -> int:
    """Mail a published review; unless somebody asked for it, only where mails go by themselves."""
    review = WeeklyReview.objects.select_related("organization").get(pk=review_id)
    schedule = ReviewSchedule.objects.filter(organization=review.organization).first()
    if not is_asked_for and schedule is not None and not schedule.mails_on_publishing:
        return 0
    waiting = mail.request_sending(review, by=by)
    for pk in waiting:
        mail_deliver.delay(delivery_id=pk)
    return len(waiting)


@shared_task(name="posture.mail_deliver")
def mail_deliver(*, delivery_id: int, **_: Any) -> str | None:
    return mail.deliver(delivery_id, now=timezone.now())


@shared_task(name="posture.mail_due")
def mail_due(**_: Any) -> int:
    """What failed, and what a dead worker left."""
    found = mail.due(now=timezone.now())
    for pk in found:
        mail_deliver.delay(delivery_id=pk)
    return len(found)
