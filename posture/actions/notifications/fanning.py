"""From what happened to what is to be sent: a delivery for each person and channel, in one transaction.

Whoever dies in it loses nothing, and whoever comes second finds it done: the source is locked, and a
person, an event and a channel have one row in the database whatever happens.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction

from posture.models import (
    NotificationChannel,
    NotificationChoice,
    NotificationDelivery,
    NotificationEvent,
)
from posture.models.notifications import Mode
from posture.policies import notifications as policies
from posture.policies.notification_times import Hours
from posture.queries.notifications import audience, hours

State = NotificationDelivery.State
_AT_ONCE: Final = 200
_BATCH: Final = 500
NO_ADDRESS: Final = "This person has no e-mail address: whoever manages people can add one."


@dataclass(frozen=True, slots=True)
class _Way:
    """By which channel (None is mail), and how."""

    channel: NotificationChannel | None
    mode: Mode


def waiting(*, most: int = _AT_ONCE) -> list[int]:
    """What happened and has no deliveries yet, the oldest first."""
    rows = NotificationEvent.objects.filter(fanned_out_at=None).order_by("pk")
    return list(rows.values_list("pk", flat=True)[:most])


@transaction.atomic
def fan_out(pk: int, *, now: datetime) -> int:
    """Write the deliveries of one source; returns how many, 0 where somebody else does it or has."""
    rows = NotificationEvent.objects.filter(pk=pk, fanned_out_at=None)
    related = rows.select_related("organization", "request__organization", "event", "absence")
    source = related.select_for_update(skip_locked=True, of=("self",)).first()
    if source is None:
        return 0
    told = audience.of(source, now=now)
    people = User.objects.filter(pk__in=told).order_by("pk")
    written = [
        _delivery(source, user, way, told[user.pk], now=now, clock=clock)
        for user in people
        for clock in [hours.of(user, source.organization)]
        for way in _ways(user, told[user.pk])
    ]
    written += _rooms(source, now=now)
    NotificationDelivery.objects.bulk_create(written, batch_size=_BATCH, ignore_conflicts=True)
    source.fanned_out_at = now
    source.save(update_fields=["fanned_out_at"])
    return len(written)


def mode_of(user: User, kind: str, channel: NotificationChannel | None) -> Mode:
    """How the person wants this kind by this channel (None is mail), as of now."""
    known = policies.BY_CODE[kind]
    row = NotificationChoice.objects.filter(user=user, kind=kind, channel=channel).first()
    if row is None:
        return known.default
    chosen = Mode(row.mode)
    # What has become mandatory since is told, whatever was chosen then.
    return chosen if channel is not None or chosen in known.modes else known.default


def _ways(user: User, kind: str) -> Iterable[_Way]:
    own = NotificationChannel.objects.filter(owner=user, is_room=False).order_by("pk")
    for channel in (None, *own):
        mode = mode_of(user, kind, channel)
        if mode is not Mode.OFF:
            yield _Way(channel, mode)


def _delivery(
    source: NotificationEvent, user: User, way: _Way, kind: str, *, now: datetime, clock: Hours
) -> NotificationDelivery:
    row = NotificationDelivery(
        source=source,
        user=user,
        channel=way.channel,
        kind=kind,
        is_digest=way.mode is Mode.DIGEST,
        created_at=now,
    )
    if way.channel is None and not user.email:
        row.state, row.error, row.ended_at = State.SKIPPED, NO_ADDRESS, now
    elif row.is_digest:
        row.next_try_at = clock.next_digest(now)
    else:
        is_urgent = policies.BY_CODE[kind].is_urgent
        row.next_try_at = now if is_urgent else clock.after_quiet(now)
    return row


def _rooms(source: NotificationEvent, *, now: datetime) -> Iterable[NotificationDelivery]:
    """Rooms are told once, at once, of what their owner may see; absences are nobody else's business."""
    if source.request_id is None:
        return
    kinds = audience.kinds_of(source)
    rooms = NotificationChannel.objects.filter(is_room=True, kinds__overlap=list(kinds))
    for room in rooms.select_related("owner").order_by("pk"):
        if audience.is_seen(room.owner, source):
            kind = next(code for code in kinds if code in room.kinds)
            yield NotificationDelivery(
                source=source,
                user=room.owner,
                channel=room,
                kind=kind,
                created_at=now,
                next_try_at=now,
            )
