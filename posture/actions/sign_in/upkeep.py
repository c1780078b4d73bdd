"""What is left of sign-ins that are over: forgotten in bounded batches, once a day.

Rows of sessions go when the cookie goes: nobody removes those that simply end. Failed attempts come
from anybody who likes to guess names, so that they must not pile up either.
"""

from datetime import datetime
from typing import Final

from allauth.usersessions.models import UserSession
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef, QuerySet

BATCH: Final = 5_000


def forget_ended(*, now: datetime) -> dict[str, int]:
    """Remove sessions that have ended, the lines people see of them, and old failed attempts.

    Returns how many rows of each kind.
    """
    alive = Session.objects.filter(session_key=OuterRef("session_key"))
    ended = {
        "sessions": Session.objects.filter(expire_date__lt=now),
        "lines": UserSession.objects.filter(~Exists(alive)),
        # Nobody is locked out by them any more.
        "attempts": AccessAttempt.objects.filter(attempt_time__lt=now - settings.AXES_COOLOFF_TIME),
    }
    return {kind: _remove(rows) for kind, rows in ended.items()}


def _remove(rows: QuerySet) -> int:  # type: ignore[type-arg]
    """In batches, each a transaction of its own, so that a sign-in never waits for the whole."""
    total = 0
    while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        removed, _ = rows.model._default_manager.filter(pk__in=keys).delete()
        total += removed
    return total
