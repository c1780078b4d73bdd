"""How a webhook stands: which secrets are good, whether it works, and switching it off when it does not."""

import logging
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from posture.models import Notice, Webhook, WebhookDelivery
from posture.policies import roles, sealing

logger = logging.getLogger(__name__)

_OFF: Final = "The webhook is switched off. Switch it on, then replay."


def secrets_of(webhook: Webhook, *, now: datetime) -> list[str]:
    """The secrets that a receiver may know, the newest first.

    :raises sealing.Unreadable: when one cannot be read.
    """
    found = [webhook.secret]
    if webhook.previous_until is not None and webhook.previous_until > now:
        found.append(webhook.previous_secret)
    return [sealing.unseal(secret) for secret in found]


def arrived(webhook: Webhook) -> None:
    Webhook.objects.filter(pk=webhook.pk, failing_since__isnull=False).update(failing_since=None)


def failed(webhook: Webhook, *, now: datetime) -> None:
    """Remember since when nothing arrives, and switch the webhook off when that is too long ago."""
    Webhook.objects.filter(pk=webhook.pk, failing_since=None).update(failing_since=now)
    days = settings.POSTURE_WEBHOOK_OFF_DAYS
    long_ago = now - timedelta(days=days)
    if Webhook.objects.filter(pk=webhook.pk, failing_since__lte=long_ago).exists():
        reason = f"Nothing has arrived for {days} day{'s' if days > 1 else ''}."
        switch_off_by_itself(webhook, reason, now=now)


def switch_off_by_itself(webhook: Webhook, reason: str, *, now: datetime) -> bool:
    """Switch it off, say why, and tell who manages webhooks; False where it was off already."""
    if not switch_off(webhook, reason=reason, now=now):
        return False
    logger.error("webhook %s switched off: %s", webhook.pk, reason)
    _tell(webhook, now=now)
    return True


def _tell(webhook: Webhook, *, now: datetime) -> None:
    """Note a mail to everybody who manages webhooks and has an address; a worker sends it."""
    names = [role.name for role in roles.ROLES if roles.MANAGE_WEBHOOKS in role.rights]
    people = User.objects.filter(groups__name__in=names, is_active=True).exclude(email="")
    Notice.objects.bulk_create(
        Notice(kind=Notice.Kind.WEBHOOK_OFF, user=user, webhook=webhook, requested_at=now)
        for user in people.distinct().order_by("pk")
    )


@transaction.atomic
def switch_off(webhook: Webhook, *, reason: str = "", now: datetime) -> bool:
    """Send nothing more; what waits is given up, and can be replayed. False where it was off already."""
    active = Webhook.objects.filter(pk=webhook.pk, is_active=True)
    if not active.update(is_active=False, off_reason=reason, off_at=now):
        return False
    waiting = WebhookDelivery.objects.filter(webhook=webhook, state=WebhookDelivery.State.WAITING)
    waiting.update(state=WebhookDelivery.State.GIVEN_UP, error=_OFF, next_try_at=None, ended_at=now)
    return True
