"""One's own preferences, channels and deliveries; and all deliveries, for who looks after them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.contrib.auth.models import User
from django.db.models import QuerySet

from invariants.models import ExceptionRequest
from inventory import web
from inventory.web import Key, Page
from posture.models import (
    NotificationChannel,
    NotificationChoice,
    NotificationDelivery,
    NotificationSettings,
)
from posture.models.notifications import Mode, NotificationState
from posture.policies import notifications as policies
from posture.policies.notifications import Kind
from posture.queries.notifications import hours

PAGE_SIZE: Final = 50
_KEYS: Final = (Key("id", is_descending=True),)


@dataclass(frozen=True, slots=True)
class ChannelLine:
    """`kinds` are names of what a room is told, none for one's own channel."""

    pk: int
    name: str
    service: str
    host: str
    owner: str
    is_room: bool
    kinds: tuple[str, ...]
    tested_at: datetime | None
    test_error: str


@dataclass(frozen=True, slots=True)
class Cell:
    """How a kind comes by one channel. `field` is the name in the form; one mode alone is no choice."""

    field: str
    label: str
    mode: Mode
    modes: tuple[Mode, ...]


@dataclass(frozen=True, slots=True)
class KindRow:
    kind: Kind
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Preferences:
    """`columns` names the channels of the table: mail, then one's own."""

    rows: tuple[KindRow, ...]
    columns: tuple[str, ...]
    channels: tuple[ChannelLine, ...]
    hours: NotificationSettings


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """`ref` is "" where there is none, or the reader may not see it."""

    pk: int
    kind: str
    ref: str
    person: str
    channel: str
    is_digest: bool
    state: str
    state_label: str
    attempts: int
    error: str
    created_at: datetime
    next_try_at: datetime | None
    ended_at: datetime | None


def field_name(kind: str, channel: int | None) -> str:
    return f"{kind}-{channel or 'mail'}"


def preferences(user: User) -> Preferences:
    """How the person is told. Four queries."""
    channels = NotificationChannel.objects.visible_to(user).select_related("owner")
    found = list(channels.order_by("is_room", "name", "pk"))
    own = [one for one in found if one.owner_id == user.pk and not one.is_room]
    chosen = {
        (row.kind, row.channel_id): Mode(row.mode)
        for row in NotificationChoice.objects.filter(user=user)
    }
    return Preferences(
        rows=tuple(_row(kind, own, chosen) for kind in policies.KINDS),
        columns=("Mail", *(one.name for one in own)),
        channels=tuple(_channel(one) for one in found),
        hours=hours.settings_of(user),
    )


def _row(
    kind: Kind,
    own: list[NotificationChannel],
    chosen: dict[tuple[str, int | None], Mode],
) -> KindRow:
    code = kind.code.value
    mail = chosen.get((code, None), kind.default)
    cells = [
        Cell(
            field_name(code, None),
            f"{kind.name}, by mail",
            mail if mail in kind.modes else kind.default,
            kind.modes,
        )
    ]
    for one in own:
        mode = chosen.get((code, one.pk), kind.default)
        cells.append(
            Cell(field_name(code, one.pk), f"{kind.name}, by {one.name}", mode, tuple(Mode))
        )
    return KindRow(kind, tuple(cells))


def _channel(row: NotificationChannel) -> ChannelLine:
    return ChannelLine(
        pk=row.pk,
        name=row.name,
        service=row.get_service_display(),
        host=row.host,
        owner=row.owner.get_username(),
        is_room=row.is_room,
        kinds=tuple(policies.BY_CODE[code].name for code in row.kinds if code in policies.BY_CODE),
        tested_at=row.tested_at,
        test_error=row.test_error,
    )


def own_deliveries(user: User, *, cursor_text: str = "") -> Page[DeliveryLine]:
    """What the person was sent, or is to be; the newest first. Two queries."""
    return _page(user, NotificationDelivery.objects.filter(user=user), cursor_text)


def all_deliveries(
    user: User, *, state: str = "", cursor_text: str = ""
) -> Page[DeliveryLine] | None:
    """What everybody was sent; None for who may not look after it. Two queries.

    :param state: a state to show alone, "" for all; what is none is ignored.
    """
    rows = NotificationDelivery.objects.visible_to(user)
    if not may_keep(user):
        return None
    if state in NotificationState.values:
        rows = rows.filter(state=state)
    return _page(user, rows, cursor_text)


def may_keep(user: User) -> bool:
    """Whether the person looks after deliveries of everybody."""
    return user.has_perm("posture.manage_webhooks") and user.has_perm(
        "inventory.see_whole_organization"
    )


def _page(user: User, rows: QuerySet[NotificationDelivery], cursor_text: str) -> Page[DeliveryLine]:
    related = rows.select_related("user", "channel", "source__request")
    page = web.keyset(
        related,
        keys=_KEYS,
        cursor=web.read_cursor(cursor_text, keys=_KEYS),
        size=PAGE_SIZE,
    )
    requests = {row.source.request_id for row in page.rows if row.source.request_id}
    seen = set(
        ExceptionRequest.objects.visible_to(user)
        .filter(pk__in=requests)
        .values_list("pk", flat=True)
    )
    lines = tuple(_line(row, seen) for row in page.rows)
    return Page(lines, page.next_cursor, page.previous_cursor)


def _line(row: NotificationDelivery, seen: set[int]) -> DeliveryLine:
    request = row.source.request
    return DeliveryLine(
        pk=row.pk,
        kind=policies.BY_CODE[row.kind].name if row.kind in policies.BY_CODE else row.kind,
        ref=request.ref if request is not None and request.pk in seen else "",
        person=row.user.get_username(),
        channel=row.channel.name if row.channel else "Mail",
        is_digest=row.is_digest,
        state=row.state,
        state_label=row.get_state_display(),
        attempts=row.attempts,
        error=row.error,
        created_at=row.created_at,
        next_try_at=row.next_try_at,
        ended_at=row.ended_at,
    )
