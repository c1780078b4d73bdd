"""What was sent is kept for a while, then goes."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from posture.models import Webhook, WebhookDelivery, WebhookEvent

State = WebhookDelivery.State
_AT_ONCE: Final = 2_000


def retain(*, now: datetime) -> int:
    """Remove events that are older than POSTURE_KEEP_DELIVERY_DAYS, with their deliveries.

    What is still to be sent stays. Secrets that have been replaced go as soon as they are of no use.
    Returns how many events went.
    """
    old = Webhook.objects.filter(previous_until__lte=now)
    old.update(previous_secret="", previous_until=None)
    before = now - timedelta(days=settings.POSTURE_KEEP_DELIVERY_DAYS)
    open_ones = WebhookDelivery.objects.filter(
        event=OuterRef("pk"), state__in=[State.WAITING, State.SENDING]
    )
    removed = 0
    while keys := _next(before, open_ones):
        with transaction.atomic():
            WebhookEvent.objects.filter(pk__in=keys).delete()
        removed += len(keys)
    return removed


def _next(before: datetime, open_ones: QuerySet[WebhookDelivery]) -> list[int]:
    rows = WebhookEvent.objects.filter(
        ~Exists(open_ones), happened_at__lt=before, fanned_out_at__isnull=False
    )
    return list(rows.order_by("happened_at").values_list("pk", flat=True)[:_AT_ONCE])
