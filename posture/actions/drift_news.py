"""Drift that opened and ended, for webhooks."""

from collections.abc import Sequence
from datetime import datetime

from inventory.models import Organization
from posture.actions import webhooks
from posture.policies.webhooks import DRIFT_ENDED, DRIFT_OPENED


def announce(
    organization_pk: int, *, opened: Sequence[int], ended: Sequence[int], now: datetime
) -> int:
    """Note what one comparison found, one event a kind; returns how many events."""
    organization = Organization.objects.get(pk=organization_pk)
    news = ((DRIFT_OPENED, opened), (DRIFT_ENDED, ended))
    noted = [
        webhooks.announce(event, {"drift": list(rows)}, organization=organization, now=now)
        for event, rows in news
        if rows
    ]
    return sum(1 for one in noted if one is not None)
