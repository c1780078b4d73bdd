"""Who gets the weekly review, what was sent, and the demo's mailbox."""

from dataclasses import dataclass
from datetime import time

from django.db.models import QuerySet

from inventory import access
from inventory.access import AnyUser
from inventory.models import Organization
from posture.models import Delivery, MailboxMessage, Recipient, ReviewSchedule, WeeklyReview
from posture.policies.roles import READ_REVIEWS

DELIVERIES_SHOWN = 50
MESSAGES_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Mailing:
    """`zone` is the IANA name of the organisation's time zone, `freeze_at` a time of Monday there."""

    recipients: tuple[Recipient, ...]
    deliveries: tuple[Delivery, ...]
    freeze_at: time
    zone: str
    mails_on_publishing: bool


def mailing(user: AnyUser, organization: Organization) -> Mailing | None:
    """None where the person may not read reviews. Four queries."""
    reviews = WeeklyReview.objects.visible_to(user).filter(organization=organization)
    if not (access.scope_of(user).everything or user.has_perm("posture.manage_recipients")):
        return None
    recipients = Recipient.objects.filter(organization=organization, is_active=True)
    sent = Delivery.objects.filter(review__in=reviews).select_related("review")
    schedule = ReviewSchedule.objects.filter(organization=organization).first()
    schedule = schedule or ReviewSchedule(organization=organization, freeze_at=time(6))
    return Mailing(
        tuple(recipients.order_by("email")),
        tuple(sent.order_by("-requested_at", "-pk")[:DELIVERIES_SHOWN]),
        schedule.freeze_at,
        organization.time_zone,
        schedule.mails_on_publishing,
    )


def messages(user: AnyUser) -> tuple[MailboxMessage, ...]:
    """The newest mails of the demo that are for the person. One query."""
    return tuple(_mails(user).order_by("-pk")[:MESSAGES_SHOWN])


def message(user: AnyUser, pk: int) -> MailboxMessage | None:
    return _mails(user).filter(pk=pk).first()


def _mails(user: AnyUser) -> QuerySet[MailboxMessage]:
    """All for who sees the whole organisation and may read reviews, which is what most of them are
    about; to everybody else those that were sent to them alone.
    """
    mails = MailboxMessage.objects.all()
    if access.scope_of(user).everything and user.has_perm(READ_REVIEWS):
        return mails
    address = getattr(user, "email", "")
    return mails.filter(recipients__contains=[address]) if address else mails.none()
