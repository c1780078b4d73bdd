"""What was told is kept for a while, then goes; what is still to be sent stays."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q

from posture.models import NotificationDelivery, NotificationEvent
from posture.policies.notifications import Trigger

State = NotificationDelivery.State
_AT_ONCE: Final = 2_000


def retain(*, now: datetime) -> int:
    """Remove what is older than POSTURE_KEEP_DELIVERY_DAYS, with its deliveries; returns how many.

    What names a wait that still lasts stays: it would be told a second time.
    """
    before = now - timedelta(days=settings.POSTURE_KEEP_DELIVERY_DAYS)
    open_ones = NotificationDelivery.objects.filter(
        source=OuterRef("pk"), state__in=[State.WAITING, State.SENDING]
    )
    old = NotificationEvent.objects.filter(at__lt=before, fanned_out_at__isnull=False)
    lasting = Q(trigger=Trigger.OVERDUE, request__state=F("state"))
    old = old.exclude(lasting).filter(~Exists(open_ones))
    removed = 0
    while keys := list(old.order_by("pk").values_list("pk", flat=True)[:_AT_ONCE]):
        removed += len(keys)
        NotificationEvent.objects.filter(pk__in=keys).delete()
    return removed
