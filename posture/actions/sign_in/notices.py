"""Mails about signing in, and what else must not go unnoticed: every attempt is recorded, and a mail that fails is tried again."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import Any, Final

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from posture.models import BreakGlassUse, Notice
from posture.policies import roles
from posture.policies import sign_in as policies

logger = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 6
# 5 minutes, then twice as long each time: nearly three hours in all.
_FIRST_WAIT: Final = timedelta(minutes=5)
_ERROR_LENGTH: Final = 500
_NOWHERE: Final = "posture.actions.mailbox.Nowhere"
# Several people may share a mailbox, but not many.
_MAX_USERS_OF_AN_ADDRESS: Final = 5
_SUBJECTS: Final[Mapping[str, str]] = {
    Notice.Kind.PASSWORD_RESET: "Parapet: set a new password",
    Notice.Kind.BREAK_GLASS: "Parapet: the break-glass account is in use",
    Notice.Kind.WEBHOOK_OFF: "Parapet: a webhook was switched off",
}


def is_mail_set() -> bool:
    """Whether a mail would reach anybody."""
    return bool(settings.EMAIL_BACKEND != _NOWHERE)


def announce(use: BreakGlassUse, *, now: datetime) -> list[int]:
    """Note a mail to everybody who manages people or reads the audit log; returns the keys."""
    watchers = [
        role.name for role in roles.ROLES if role.rights & {roles.MANAGE_PEOPLE, roles.READ_AUDIT}
    ]
    people = User.objects.filter(groups__name__in=watchers, is_active=True).exclude(email="")
    rows = [
        Notice(kind=Notice.Kind.BREAK_GLASS, user=user, use=use, requested_at=now)
        for user in people.exclude(username=use.username).distinct().order_by("pk")
    ]
    if not rows:
        logger.warning("break-glass account used, and nobody who is to know has an e-mail address")
    return [row.pk for row in Notice.objects.bulk_create(rows)]


def request_password_reset(email: str, *, now: datetime) -> list[int]:
    """Note a mail to whoever signs in here with this address; returns the keys, none for strangers."""
    users = User.objects.filter(email__iexact=email.strip(), is_active=True).exclude(email="")
    rows = [
        Notice(kind=Notice.Kind.PASSWORD_RESET, user=user, requested_at=now)
        for user in users.select_related("profile").order_by("pk")[:_MAX_USERS_OF_AN_ADDRESS]
        if policies.may_reset_password(user)
    ]
    return [row.pk for row in Notice.objects.bulk_create(rows)]


def due(*, now: datetime) -> list[int]:
    """Notices that wait and whose time has come."""
    waiting = Notice.objects.filter(state=Notice.State.WAITING).exclude(next_try_at__gt=now)
    return list(waiting.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def deliver(pk: int, *, now: datetime) -> str | None:
    """Send one mail; returns its state, None where it is being sent or was sent already.

    The row is locked while it is sent, so that two workers send one mail.
    """
    rows = Notice.objects.select_for_update(skip_locked=True, of=("self",))
    notice = (
        rows.filter(pk=pk, state=Notice.State.WAITING)
        .select_related("user__profile", "use", "webhook")
        .first()
    )
    if notice is None:
        return None
    notice.attempts += 1
    try:
        _message(notice).send()
    except (OSError, SMTPException) as error:
        _note_failure(notice, error, now=now)
    else:
        notice.state, notice.error, notice.sent_at = Notice.State.SENT, "", now
        notice.next_try_at = None
    notice.save()
    return str(notice.state)


def _message(notice: Notice) -> EmailMessage:
    values: dict[str, Any] = {"user": notice.user, "use": notice.use, "site": settings.BASE_URL}
    values["webhook"] = notice.webhook
    if notice.kind == Notice.Kind.PASSWORD_RESET:
        values["address"] = _reset_address(notice.user)
    return EmailMessage(
        subject=_SUBJECTS[notice.kind],
        body=render_to_string(f"account/email/{notice.kind.lower()}.txt", values),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[notice.user.email],
    )


def _reset_address(user: User) -> str:
    """Where the person sets a new password; good for PASSWORD_RESET_TIMEOUT and for one use."""
    key = default_token_generator.make_token(user)
    names = {"uidb36": user_pk_to_url_str(user), "key": key}
    return f"{settings.BASE_URL}{reverse('account_reset_password_from_key', kwargs=names)}"


def _note_failure(notice: Notice, error: Exception, *, now: datetime) -> None:
    notice.error = f"{type(error).__name__}: {error}"[:_ERROR_LENGTH]
    if notice.attempts >= MAX_ATTEMPTS:
        notice.state, notice.next_try_at = Notice.State.FAILED, None
    else:
        notice.next_try_at = now + _FIRST_WAIT * 2 ** (notice.attempts - 1)
    logger.warning("notice %s not sent: %s", notice.pk, type(error).__name__)
