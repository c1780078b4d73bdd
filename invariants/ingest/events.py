"""Records of CloudTrail that come by the event queue, which belongs to the findings."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings

from findings.normalise.routed import RoutedEvent, TakenIn
from invariants.ingest import trail
from invariants.models import TrailFeed
from inventory.models import Organization


def take(organization: Organization, events: Sequence[RoutedEvent], now: datetime) -> TakenIn:
    """Count what the events say; those that cannot be read go into quarantine."""
    taken = trail.take(
        organization,
        [event.detail for event in events],
        kind=TrailFeed.Kind.QUEUE,
        keep_days=settings.POSTURE_KEEP_DENIAL_DAYS,
        now=now,
    )
    counts = {"calls": len(events), "denials": taken.counts.get("denials", 0)}
    return TakenIn(
        counts={name: count for name, count in counts.items() if count},
        unread=tuple((events[position], why) for position, why in taken.unread),
        is_news=taken.is_news,
    )
