"""The break-glass account in use: written down, and told to those who watch over people."""

from datetime import datetime

from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction

from posture.actions.sign_in import notices, records
from posture.models import BreakGlassUse

_SESSION_KEY = "break_glass_use"


@transaction.atomic
def begin_use(
    user: User, session: SessionBase, *, address: str, now: datetime
) -> tuple[BreakGlassUse, list[int]]:
    """Note the use, and a mail to everybody who is to know; returns it and the keys of the notices."""
    use = BreakGlassUse.objects.create(
        username=user.get_username(), address=address, signed_in_at=now, last_seen_at=now
    )
    session[_SESSION_KEY] = use.pk
    records.note("break_glass_used", user, by=user, now=now, address=address)
    return use, notices.announce(use, now=now)


def still_used(session: SessionBase, *, now: datetime) -> None:
    """Note that the use goes on, if the session is one."""
    if pk := session.get(_SESSION_KEY):
        BreakGlassUse.objects.filter(pk=pk, last_seen_at__lt=now).update(last_seen_at=now)
