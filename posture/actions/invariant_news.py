"""Steps of invariants' lives, for webhooks."""

from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction

from invariants.models import InvariantMove
from posture.actions import webhooks
from posture.models import WebhookEvent
from posture.policies.webhooks import INVARIANT_MOVED

# What is older has been told, or nobody asked for it then.
_RECENT: Final = timedelta(hours=6)


@transaction.atomic
def gather_moves(*, now: datetime) -> int:
    """Make an event of each recent step that has none yet; returns how many events."""
    with connection.cursor() as cursor:
        # One at a time, so that no step is told twice.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('posture.gather_moves'))")
    told = WebhookEvent.objects.filter(type=INVARIANT_MOVED, happened_at__gt=now - _RECENT)
    known = {payload["move"] for payload in told.values_list("payload", flat=True)}
    recent = InvariantMove.objects.filter(at__gt=now - _RECENT, at__lte=now).exclude(pk__in=known)
    noted = [
        webhooks.announce(
            INVARIANT_MOVED,
            {"move": move.pk},
            organization=move.invariant.organization,
            now=move.at,
        )
        for move in recent.select_related("invariant__organization").order_by("pk")
    ]
    return sum(1 for one in noted if one is not None)
