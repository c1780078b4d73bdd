"""Who gets the weekly review, and getting it to them: every attempt is recorded."""

import logging
from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import Final

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.urls import reverse

from inventory.access import AnyUser
from inventory.models import Organization
from posture import reports
from posture.models import Delivery, Recipient, ReviewSchedule, WeeklyReview
from posture.queries import review_page
from posture.queries.reviews import page_of

logger = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 6
# 5 minutes, then twice as long each time: nearly three hours in all.
_FIRST_WAIT: Final = timedelta(minutes=5)
_ERROR_LENGTH: Final = 500
MANAGE: Final = "posture.manage_recipients"


def add_recipient(
    user: AnyUser, organization: Organization, *, email: str, name: str, gets_pdf: bool
) -> Recipient:
    """One who gets every review from now on; an address that is there gets these settings.

    :raises PermissionDenied: without the right to say who gets it.
    :raises ValidationError: when it is no e-mail address.
    """
    _may(user)
    address = email.strip()
    try:
        validate_email(address)
    except ValidationError as error:
        text = f"“{address[:80]}” is no e-mail address: write one such as marta@example.com."
        raise ValidationError(text) from error
    values = {"name": name.strip()[:150], "gets_pdf": gets_pdf, "is_active": True}
    recipient, _ = Recipient.objects.update_or_create(
        organization=organization,
        email=address.lower(),
        defaults=values,
        create_defaults=values | {"added_by": user.get_username()},
    )
    return recipient


def remove_recipient(user: AnyUser, organization: Organization, pk: int) -> bool:
    """They get no review any more; what was sent stays recorded. False: they were gone already."""
    _may(user)
    rows = Recipient.objects.filter(organization=organization, pk=pk, is_active=True)
    return bool(rows.update(is_active=False))


def set_schedule(
    user: AnyUser, organization: Organization, *, freeze_at: str, mails_on_publishing: bool
) -> ReviewSchedule:
    """When a week is frozen ("06:00" of Monday, in the organisation's zone) and whether mails go by themselves.

    :raises ValidationError: when that is no time of day.
    """
    _may(user)
    try:
        at = datetime.strptime(freeze_at.strip(), "%H:%M").time()  # noqa: DTZ007 - a time of day
    except ValueError as error:
        text = f"“{freeze_at[:20]}” is no time of day: write it like 06:00."
        raise ValidationError(text) from error
    schedule, _ = ReviewSchedule.objects.update_or_create(
        organization=organization,
        defaults={"freeze_at": at, "mails_on_publishing": mails_on_publishing},
    )
    return schedule


@transaction.atomic
def request_sending(review: WeeklyReview, *, by: str) -> list[int]:
    """Note a mail for every recipient who has not got this review; returns the keys of deliveries.

    A draft is never mailed. What has failed for good is tried again.
    """
    if review.state != WeeklyReview.State.PUBLISHED:
        return []
    recipients = Recipient.objects.filter(organization=review.organization, is_active=True)
    for recipient in recipients.order_by("pk"):
        Delivery.objects.get_or_create(
            review=review,
            email=recipient.email,
            defaults={"with_pdf": recipient.gets_pdf, "requested_by": by},
        )
    due = Delivery.objects.filter(review=review, email__in=recipients.values("email"))
    due.filter(state=Delivery.State.FAILED).update(
        state=Delivery.State.WAITING, attempts=0, next_try_at=None
    )
    waiting = due.filter(state=Delivery.State.WAITING)
    return list(waiting.order_by("pk").values_list("pk", flat=True))


def due(*, now: datetime) -> list[int]:
    """Deliveries that wait and whose time has come."""
    waiting = Delivery.objects.filter(state=Delivery.State.WAITING)
    ready = waiting.exclude(next_try_at__gt=now)
    return list(ready.order_by("pk").values_list("pk", flat=True))


def deliver(pk: int, *, now: datetime) -> str | None:
    """Send one mail; returns its state, None where it is being sent or was sent already.

    The row is locked while it is sent, so that two workers send one mail. A worker that dies between
    sending and noting it sends it once more: better twice than never. What nobody expected to fail is
    noted as a failure too, and raised: else the mail would wait for ever without a reason.
    """
    try:
        return _deliver(pk, now=now)
    except Exception as error:
        with transaction.atomic():
            if delivery := _waiting(pk):
                delivery.attempts += 1
                _note_failure(delivery, error, now=now)
                delivery.save()
        raise


def _waiting(pk: int) -> Delivery | None:
    rows = Delivery.objects.select_for_update(skip_locked=True, of=("self",))
    return rows.filter(pk=pk, state=Delivery.State.WAITING).select_related("review").first()


@transaction.atomic
def _deliver(pk: int, *, now: datetime) -> str | None:
    delivery = _waiting(pk)
    if delivery is None:
        return None
    delivery.attempts += 1
    try:
        _send(delivery, now=now)
    except (OSError, SMTPException, reports.Unprintable) as error:
        _note_failure(delivery, error, now=now)
    else:
        delivery.state, delivery.error, delivery.sent_at = Delivery.State.SENT, "", now
        delivery.next_try_at = None
    delivery.save()
    return str(delivery.state)


def _send(delivery: Delivery, *, now: datetime) -> None:
    view = review_page.view(page_of(delivery.review, day=now.date()))
    address = settings.BASE_URL + reverse("posture:review", args=[view.week])
    message = reports.review_mail(
        view,
        to=delivery.email,
        sender=settings.DEFAULT_FROM_EMAIL,
        address=address,
        with_pdf=delivery.with_pdf,
        made_at=now,
    )
    message.send()


def _note_failure(delivery: Delivery, error: Exception, *, now: datetime) -> None:
    delivery.error = f"{type(error).__name__}: {error}"[:_ERROR_LENGTH]
    if delivery.attempts >= MAX_ATTEMPTS:
        delivery.state, delivery.next_try_at = Delivery.State.FAILED, None
    else:
        delivery.next_try_at = now + _FIRST_WAIT * 2 ** (delivery.attempts - 1)
    logger.warning("mail of review %s not sent: %s", delivery.review_id, type(error).__name__)


def _may(user: AnyUser) -> None:
    if not user.has_perm(MANAGE):
        raise PermissionDenied("Ask an administrator for the right to say who gets the review.")
