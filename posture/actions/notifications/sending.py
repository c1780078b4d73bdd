"""Sending: claimed by one worker, tried again with growing gaps, given up visibly.

A claim is written before the message goes, its end after it, so a worker that dies in between leaves a
claim that is taken over. What it sent may come a second time, under the same id; in the mailbox of the
demonstration, which is in the database, it does not. What the reader may see is asked when it is sent.
"""

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import Final

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail.message import BadHeaderError
from django.db import transaction

from posture import outgoing
from posture.actions.notifications.fanning import NO_ADDRESS, mode_of
from posture.models import NotificationDelivery
from posture.models.notifications import Mode, NotificationKind
from posture.outgoing import chat
from posture.outgoing.refusals import Unsendable
from posture.policies import notifications as policies
from posture.policies import sealing
from posture.queries.notifications import audience, hours
from posture.reports import notifications as reports
from posture.reports.notifications import Line, Told

logger = logging.getLogger(__name__)

State = NotificationDelivery.State
MAX_ATTEMPTS: Final = 8
# What a service refuses is hardly taken later; 1 and 3 minutes are for a slip of its own.
REFUSED_ATTEMPTS: Final = 3
# 1, 3, 9 and 27 minutes, then 81, 4 hours, and 12 hours: 18 hours in all.
_FIRST_WAIT: Final = timedelta(minutes=1)
_LONGEST_WAIT: Final = timedelta(hours=12)
# A service that asks to be left alone for longer is asked again all the same.
_LONGEST_REST: Final = timedelta(days=1)
# Several times what a message can take.
LOST_AFTER: Final = timedelta(minutes=5)
_ERROR: Final = 500
_MOST: Final = 200
_NEVER_ENDED: Final = "Every attempt ended with its worker: its log has the details."
_UNSEEN: Final = "They may not see it any more."
_OVER: Final = "It has moved on: nothing is asked of them any more."
_OFF: Final = "They have switched this off."
_FAILURES: Final = (
    OSError,
    SMTPException,
    BadHeaderError,
    outgoing.Refused,
    outgoing.Unreachable,
    Unsendable,
    sealing.Unreadable,
)
_WAITS: Final = (NotificationKind.EMERGENCY, NotificationKind.WAIT, NotificationKind.OVERDUE)


@dataclass(frozen=True, slots=True)
class _Parcel:
    """What goes in one message: each delivery with its line."""

    user: User
    rows: tuple[NotificationDelivery, ...]
    lines: tuple[Line, ...]

    @property
    def lead(self) -> NotificationDelivery:
        return self.rows[0]


def due(*, now: datetime) -> list[int]:
    """Deliveries whose time has come or whose worker died, the oldest first; of a digest the first."""
    rows = NotificationDelivery.objects.due(now=now, lost_before=now - LOST_AFTER).order_by("pk")
    found: list[int] = []
    digests: set[tuple[int, int | None]] = set()
    for pk, is_digest, user, channel in rows.values_list("pk", "is_digest", "user", "channel"):
        if is_digest and (user, channel) in digests:
            continue
        if is_digest:
            digests.add((user, channel))
        found.append(pk)
        if len(found) >= _MOST:
            break
    return found


def deliver(pk: int, *, clock: Callable[[], datetime]) -> str | None:
    """Send one delivery, or the digest that it belongs to; returns how that ended.

    None where somebody else has it, it is not due, or it is held back by quiet hours.
    """
    now = clock()
    rows = _claim(pk, now=now)
    if not rows:
        return None
    user = rows[0].user
    parcel = _pack(user, rows, now=now)
    if parcel is None:
        return str(State.SKIPPED)
    return _send(parcel, clock=clock)


@transaction.atomic
def _claim(pk: int, *, now: datetime) -> list[NotificationDelivery]:
    rows = NotificationDelivery.objects.due(now=now, lost_before=now - LOST_AFTER)
    locked = rows.select_for_update(skip_locked=True, of=("self",))
    first = locked.filter(pk=pk).first()
    if first is None:
        return []
    keys = [first.pk]
    if first.is_digest:
        same = locked.filter(is_digest=True, user_id=first.user_id, channel_id=first.channel_id)
        keys += [one.pk for one in same.exclude(pk=pk).order_by("pk")]
    related = ("user", "channel", "source__organization", "source__request__organization")
    found = NotificationDelivery.objects.filter(pk__in=keys).select_related(
        *related, "source__event", "source__absence"
    )
    if not first.is_digest and _hold(found[0], now=now):
        return []
    kept = [one for one in found.order_by("pk") if not _is_worn(one, now=now)]
    for one in kept:
        one.state, one.claimed_at, one.attempts = State.SENDING, now, one.attempts + 1
    NotificationDelivery.objects.bulk_update(kept, ["state", "claimed_at", "attempts"])
    return kept


def _hold(row: NotificationDelivery, *, now: datetime) -> bool:
    """Put it off to the end of quiet hours that have begun since, unless it is urgent or for a room."""
    if policies.BY_CODE[row.kind].is_urgent or (row.channel is not None and row.channel.is_room):
        return False
    later = hours.of(row.user, row.source.organization).after_quiet(now)
    if later <= now:
        return False
    row.state, row.next_try_at = State.WAITING, later
    row.save(update_fields=["state", "next_try_at"])
    return True


def _is_worn(row: NotificationDelivery, *, now: datetime) -> bool:
    """Give up what has been claimed so often, and no attempt has ever ended."""
    if row.attempts < MAX_ATTEMPTS:
        return False
    row.state, row.ended_at, row.error = State.GIVEN_UP, now, _NEVER_ENDED
    row.save(update_fields=["state", "ended_at", "error"])
    return True


def _pack(user: User, rows: Sequence[NotificationDelivery], *, now: datetime) -> _Parcel | None:
    """What of it is still to be told; the rest is noted as not sent, with the reason."""
    zone = hours.of(user, rows[0].source.organization).zone
    packed: list[tuple[NotificationDelivery, Line]] = []
    for row in rows:
        is_room = row.channel is not None and row.channel.is_room
        request = row.source.request
        step = None
        if row.kind in _WAITS and request is not None and not is_room:
            step = audience.next_step(user, request, now=now)
        if why := _why_not(row, has_step=step is not None):
            _skip(row, why, now=now)
            continue
        told = Told(row.source, row.kind, zone, step, is_room=is_room)
        packed.append((row, reports.line(told)))
    if not packed:
        return None
    return _Parcel(user, tuple(row for row, _ in packed), tuple(line for _, line in packed))


def _why_not(row: NotificationDelivery, *, has_step: bool) -> str:
    """Why it is not to be sent any more; "" where it is."""
    channel = row.channel
    if not audience.is_seen(row.user, row.source):
        return _UNSEEN
    if channel is None and not row.user.email:
        return NO_ADDRESS
    is_room = channel is not None and channel.is_room
    if not is_room and mode_of(row.user, row.kind, channel) is Mode.OFF:
        return _OFF
    if row.kind in _WAITS:
        request = row.source.request
        has_moved = request is not None and request.state != row.source.state
        return _OVER if has_moved or not (has_step or is_room) else ""
    return ""


def _skip(row: NotificationDelivery, why: str, *, now: datetime) -> None:
    mine = NotificationDelivery.objects.filter(
        pk=row.pk, state=State.SENDING, attempts=row.attempts
    )
    mine.update(state=State.SKIPPED, error=why, ended_at=now, next_try_at=None)


def _send(parcel: _Parcel, *, clock: Callable[[], datetime]) -> str | None:
    try:
        with transaction.atomic():
            # With the end: what the demonstration's mailbox stores comes with it, or not at all.
            _hand_over(parcel)
            return _end(parcel, "", now=clock())
    except _FAILURES as error:
        return _end(parcel, _words(error), now=clock(), error=error)


def _hand_over(parcel: _Parcel) -> None:
    lead, channel = parcel.lead, parcel.lead.channel
    if channel is None:
        kinds = sorted({row.kind for row in parcel.rows})
        reports.mail(
            parcel.user, parcel.lines, kinds=kinds, number=lead.pk, is_digest=lead.is_digest
        ).send()
        return
    title, text = reports.message(parcel.lines, most=chat.LONGEST)
    message = chat.Message(title, text, f"notification-{lead.pk}")
    rules = outgoing.Rules(settings.POSTURE_WEBHOOK_HOSTS, settings.POSTURE_WEBHOOK_NETWORKS)
    address = sealing.unseal(channel.address)
    chat.send(channel.service, address, message, rules=rules)


def _end(
    parcel: _Parcel, said: str, *, now: datetime, error: Exception | None = None
) -> str | None:
    """Write down how it went, unless it was taken for lost and somebody else has it."""
    states = [_end_one(row, said, now=now, error=error) for row in parcel.rows]
    if said:
        logger.warning("notification %s not sent to user %s", parcel.lead.pk, parcel.user.pk)
    return next((state for state in states if state), None)


def _end_one(
    row: NotificationDelivery, said: str, *, now: datetime, error: Exception | None
) -> str | None:
    mine = NotificationDelivery.objects.filter(
        pk=row.pk, state=State.SENDING, attempts=row.attempts
    )
    is_last = row.attempts >= _most_attempts(error)
    state = State.SENT if not said else State.GIVEN_UP if is_last else State.WAITING
    written = mine.update(
        state=state,
        error=said[:_ERROR],
        next_try_at=now + _wait(row.attempts, error) if state == State.WAITING else None,
        ended_at=None if state == State.WAITING else now,
    )
    return str(state) if written else None


def _most_attempts(error: Exception | None) -> int:
    if not isinstance(error, Unsendable) or not error.is_refusal:
        return MAX_ATTEMPTS
    return 1 if error.is_gone else REFUSED_ATTEMPTS


def _words(error: Exception) -> str:
    if isinstance(error, outgoing.Refused | outgoing.Unreachable | Unsendable):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _wait(attempts: int, error: Exception | None) -> timedelta:
    """Three times as long each time, a fifth more or less, so that not all come back at once; as long as
    the service asks for, where that is longer."""
    wait: timedelta = min(_FIRST_WAIT * 3 ** (attempts - 1), _LONGEST_WAIT)
    jitter = 0.8 + secrets.randbelow(401) / 1000
    seconds = error.retry_after if isinstance(error, Unsendable) else None
    return max(wait * jitter, min(timedelta(seconds=seconds or 0), _LONGEST_REST))


@transaction.atomic
def send_again(by: User, pk: int, *, now: datetime) -> NotificationDelivery:
    """Try anew what was given up.

    :raises NotificationDelivery.DoesNotExist: when there is none such for this person.
    """
    mine = NotificationDelivery.objects.visible_to(by).select_for_update()
    row = mine.get(pk=pk, state=State.GIVEN_UP)
    row.state, row.attempts, row.next_try_at, row.ended_at = State.WAITING, 0, now, None
    row.save(update_fields=["state", "attempts", "next_try_at", "ended_at"])
    return row
