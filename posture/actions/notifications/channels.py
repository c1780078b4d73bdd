"""Channels beside mail: one's own, and rooms for who manages webhooks. Changes enter the audit log by
themselves; that somebody wants a test is recorded here."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction

from posture import outgoing
from posture.actions import audit
from posture.actions.notifications.choosing import Refused
from posture.models import NotificationChannel
from posture.models.notifications import ChannelService
from posture.outgoing import chat
from posture.outgoing.refusals import Unsendable
from posture.policies import notifications as policies
from posture.policies import roles, sealing, tokens

NAME: Final = 80
MOST: Final = 10
_ERROR: Final = 500
_TEST: Final = "This is a test: nothing has happened."


@dataclass(frozen=True, slots=True)
class NewChannel:
    """`address` as the service shows it. `kinds` are what a room is told; none for one's own channel."""

    name: str
    service: ChannelService
    address: str
    is_room: bool = False
    kinds: tuple[str, ...] = ()


def rules() -> outgoing.Rules:
    """Where messages may go: the same hosts and networks as webhooks."""
    return outgoing.Rules(settings.POSTURE_WEBHOOK_HOSTS, settings.POSTURE_WEBHOOK_NETWORKS)


@transaction.atomic
def add_channel(by: User, new: NewChannel, *, now: datetime) -> NotificationChannel:
    """Be told by it as well, or let a room be told; the address is sealed and shown no more.

    :raises PermissionDenied: for a room without the right to manage webhooks.
    :raises Refused: for what it cannot be; the text says what, and the remedy.
    """
    if new.is_room and not by.has_perm(roles.MANAGE_WEBHOOKS):
        raise PermissionDenied(f"{by.get_username()} lacks {roles.MANAGE_WEBHOOKS}")
    if not tokens.may_own(by):
        raise PermissionDenied(f"{by.get_username()} is told of nothing")
    # One after the other, so that the limit and the name hold.
    User.objects.select_for_update().get(pk=by.pk)
    _check(by, new)
    try:
        target = chat.read(new.service, new.address, rules())
    except outgoing.Refused as error:
        raise Refused(str(error), field="address") from error
    return NotificationChannel.objects.create(
        owner=by,
        name=new.name.strip(),
        service=new.service,
        address=sealing.seal(new.address.strip()),
        host=target.name,
        is_room=new.is_room,
        kinds=_kinds(new.kinds) if new.is_room else [],
        created_at=now,
    )


@transaction.atomic
def remove_channel(by: User, pk: int) -> str:
    """Forget it and what it was sent; returns its name.

    :raises NotificationChannel.DoesNotExist: when there is none for this person.
    """
    channel = NotificationChannel.objects.visible_to(by).select_for_update().get(pk=pk)
    name = channel.name
    channel.delete()
    return name


def ask_test(by: User, pk: int, *, now: datetime) -> NotificationChannel:
    """Record that somebody wants a test; a worker sends it.

    :raises NotificationChannel.DoesNotExist: when there is none for this person.
    """
    channel = NotificationChannel.objects.visible_to(by).get(pk=pk)
    audit.record("channel_tested", actor=by, subject=channel.name, details={}, now=now)
    return channel


def send_test(pk: int, *, now: datetime) -> str:
    """Send a message that says that it is a test; returns why it did not arrive, "" where it did.

    :raises NotificationChannel.DoesNotExist: when it is gone.
    """
    channel = NotificationChannel.objects.get(pk=pk)
    problem = ""
    try:
        address = sealing.unseal(channel.address)
        said = chat.Message("Parapet: a test", _TEST, f"test-{pk}-{now.timestamp():.0f}")
        chat.send(channel.service, address, said, rules=rules())
    except (
        outgoing.Refused,
        outgoing.Unreachable,
        Unsendable,
        sealing.Unreadable,
    ) as error:
        problem = str(error)
    NotificationChannel.objects.filter(pk=pk).update(tested_at=now, test_error=problem[:_ERROR])
    return problem


def _check(by: User, new: NewChannel) -> None:
    name = new.name.strip()
    if not name or len(name) > NAME or not name.isprintable():
        raise Refused(f"The name should have 1 to {NAME} characters.", field="name")
    mine = NotificationChannel.objects.filter(owner=by)
    if mine.filter(name=name).exists():
        raise Refused(f"You have a channel “{name}”: choose another name.", field="name")
    if mine.count() >= MOST:
        raise Refused(f"You have {MOST} channels: remove one that is not used.")
    if new.is_room and not _kinds(new.kinds):
        raise Refused("The room would be told of nothing: choose one kind at least.", field="kinds")


def _kinds(codes: Iterable[str]) -> list[str]:
    """Those that a room can be told: not what is one person's own affair."""
    return [code for code in dict.fromkeys(codes) if code in policies.FOR_ROOMS]
