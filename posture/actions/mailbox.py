"""The demo's mail: kept in the database and shown on a page, so that nothing leaves the machine."""

from collections.abc import Sequence

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend

from posture.models import MailboxMessage

# The mailbox is for looking at, not for keeping.
KEPT = 200


class Mailbox(BaseEmailBackend):
    """An e-mail backend of Django that stores what would be sent."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            _store(message)
        newest = MailboxMessage.objects.order_by("-pk").values("pk")[:KEPT]
        MailboxMessage.objects.exclude(pk__in=list(newest.values_list("pk", flat=True))).delete()
        return len(email_messages)


class Nowhere(BaseEmailBackend):
    """What stands in while no mail server is named: refuses, so that nothing is lost in silence."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        raise ConnectionError(
            "No mail server is set. Set POSTURE_EMAIL_HOST (docs/operating.md), then try again."
        )


def _store(message: EmailMessage) -> MailboxMessage:
    # Makes the message as it would be sent, so that a header with a line break is refused here too.
    message.message()
    parts = message.alternatives if isinstance(message, EmailMultiAlternatives) else []
    html = [str(content) for content, kind in parts if kind == "text/html"]
    return MailboxMessage.objects.create(
        sender=message.from_email,
        recipients=message.recipients(),
        subject=str(message.subject),
        text=str(message.body),
        html="".join(html),
        attachments=[
            {"name": name, "type": kind, "bytes": len(content)}
            for name, content, kind in message.attachments
        ],
    )
