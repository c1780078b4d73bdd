"""Sessions of people: how old they may become, which there are, and how they end."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase

# In a session: seconds since 1970, to the second.
SIGNED_IN_AT: Final = "signed_in_at"
_SEEN_AT: Final = "seen_at"
# Noted so often at most, so that looking at pages does not write all the time.
TICK: Final = timedelta(minutes=1)


class End(StrEnum):
    """Why a session ended; the value is what the person reads."""

    AGE = "You are signed out: a session lasts {hours} hours at most. Sign in again."
    PROVIDER = (
        "You are signed out: after {provider_hours} hours the identity provider is asked again. Sign in "
        "once more."
    )
    IDLE = "You are signed out after {minutes} minutes without use. Sign in again."


def begin(session: SessionBase, *, now: datetime) -> None:
    session[SIGNED_IN_AT] = session[_SEEN_AT] = int(now.timestamp())


def over(session: SessionBase, *, now: datetime) -> End | None:
    """Why the session has to end, None while it may go on; one without a beginning is too old."""
    age = now - _moment(session, SIGNED_IN_AT)
    if age > timedelta(hours=settings.POSTURE_SESSION_HOURS):
        return End.AGE
    if age > timedelta(hours=settings.POSTURE_PROVIDER_SESSION_HOURS) and by_provider(session):
        return End.PROVIDER
    if now - _moment(session, _SEEN_AT) > timedelta(minutes=settings.POSTURE_SESSION_IDLE_MINUTES):
        return End.IDLE
    return None


def explained(end: End) -> str:
    return end.format(
        hours=settings.POSTURE_SESSION_HOURS,
        minutes=settings.POSTURE_SESSION_IDLE_MINUTES,
        provider_hours=settings.POSTURE_PROVIDER_SESSION_HOURS,
    )


def by_provider(session: SessionBase) -> bool:
    """Whether an identity provider signed the person in."""
    records = session.get(AUTHENTICATION_METHODS_SESSION_KEY) or []
    return any(record.get("method") == "socialaccount" for record in records)


def seen(session: SessionBase, *, now: datetime) -> bool:
    """Note that the session is in use; whether a tick has passed since that was noted last."""
    if now - _moment(session, _SEEN_AT) < TICK:
        return False
    session[_SEEN_AT] = int(now.timestamp())
    UserSession.objects.filter(session_key=session.session_key).update(last_seen_at=now)
    return True


def of(user: User) -> list[UserSession]:
    """The sessions that are alive, the newest first; those that are gone are forgotten."""
    found: list[UserSession] = UserSession.objects.purge_and_list(user)
    return sorted(found, key=lambda row: (row.last_seen_at, row.pk), reverse=True)


def end_one(user: User, pk: int) -> bool:
    """End a session of this user; False when there is none of that key."""
    row = UserSession.objects.filter(user=user, pk=pk).first()
    if row is None:
        return False
    row.end()
    return True


def end_all(user: User, *, but: str | None = None) -> int:
    """End the user's sessions, all but the one with this key; returns how many."""
    rows = list(UserSession.objects.filter(user=user).exclude(session_key=but or ""))
    for row in rows:
        row.end()
    return len(rows)


def _moment(session: SessionBase, key: str) -> datetime:
    return datetime.fromtimestamp(session.get(key, 0), tz=UTC)
