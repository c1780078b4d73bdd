"""How long what an account has told of its settings holds: one rule for KPIs and for coverage."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from inventory.models import Collection
from posture.scoring import STALE_AFTER

_LONGEST: Final = timedelta(days=30)


def hold(now: datetime) -> timedelta:
    """Two rounds of asking, so that one may fail, within sensible bounds.

    The newest collection up to `now` says how often accounts were asked by then: a setting of today
    says nothing of a past that was collected in another rhythm. One query.
    """
    newest = Collection.objects.filter(as_of__lte=now).order_by("-as_of", "-pk")
    every = newest.values_list("facts_every", flat=True).first()
    if every is None:
        every = timedelta(hours=settings.POSTURE_FACTS_EVERY_HOURS)
    return min(max(STALE_AFTER, 2 * every), _LONGEST)
