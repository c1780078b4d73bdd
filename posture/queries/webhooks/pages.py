"""Webhooks as a list, and one of them with what it was sent."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from django.contrib.auth.models import User
from django.db.models import Count, Exists, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Length

from inventory import web
from inventory.access import AnyUser
from inventory.web import Key, Page
from posture.models import Profile, Webhook, WebhookDelivery
from posture.policies import roles
from posture.policies import sign_in as sign_in_policies
from posture.policies import webhooks as policies

PAGE_SIZE: Final = 50
# Of webhooks there are fewer than this (posture.actions.webhooks.MOST).
_SHOWN: Final = 200
_SERVICES_SHOWN: Final = 200
_KEYS: Final = (Key("id", is_descending=True),)
_State = WebhookDelivery.State


class Health(StrEnum):
    WORKS = "WORKS"
    NEW = "NEW"
    FAILING = "FAILING"
    OFF = "OFF"


@dataclass(frozen=True, slots=True)
class WebhookLine:
    """`events` are names for people; `waiting` and `given_up` count deliveries that are kept."""

    pk: int
    name: str
    host: str
    events: tuple[str, ...]
    owner: str
    is_service: bool
    created_by: str
    created_at: datetime
    health: Health
    failing_since: datetime | None
    off_at: datetime | None
    off_reason: str
    both_secrets_until: datetime | None
    waiting: int
    given_up: int


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """`event` is a name for people; `size` the bytes of the body, nearly."""

    pk: int
    event: str
    event_id: str
    happened_at: datetime
    state: str
    state_label: str
    attempts: int
    replays: int
    status_code: int | None
    error: str
    next_try_at: datetime | None
    ended_at: datetime | None
    size: int

    @property
    def is_ended(self) -> bool:
        return self.ended_at is not None


@dataclass(frozen=True, slots=True)
class WebhookPage:
    """`is_busy`: a worker is at one of the deliveries shown, or should be about to."""

    webhook: WebhookLine
    deliveries: Page[DeliveryLine]
    is_busy: bool


def webhooks(user: AnyUser, *, now: datetime) -> tuple[WebhookLine, ...]:
    """Those that the person manages, by name. One query."""
    rows = _counted(Webhook.objects.visible_to(user)).order_by("name", "pk")
    return tuple(_line(row, now=now) for row in rows[:_SHOWN])


def webhook(user: AnyUser, pk: int, *, now: datetime, cursor_text: str = "") -> WebhookPage | None:
    """One with what it was sent, the newest first; None where there is none for this person.

    Two queries.
    """
    row = _counted(Webhook.objects.visible_to(user)).filter(pk=pk).first()
    if row is None:
        return None
    rows = (
        WebhookDelivery.objects.filter(webhook=row)
        .select_related("event")
        .defer("body")
        .annotate(size=Length("body"))
    )
    cursor = web.read_cursor(cursor_text, keys=_KEYS)
    page = web.keyset(rows, keys=_KEYS, cursor=cursor, size=PAGE_SIZE)
    lines = tuple(_delivery(one) for one in page.rows)
    is_busy = any(
        one.state == _State.SENDING
        or (one.state == _State.WAITING and one.next_try_at is not None and one.next_try_at <= now)
        for one in lines
    )
    return WebhookPage(
        _line(row, now=now), Page(lines, page.next_cursor, page.previous_cursor), is_busy
    )


def owners(user: User) -> tuple[User, ...]:
    """For whom the person can make a webhook: themselves, and service accounts if they manage people."""
    if not user.has_perm(roles.MANAGE_PEOPLE):
        return (user,)
    services = User.objects.filter(profile__kind=Profile.Kind.SERVICE, is_active=True)
    return (user, *services.select_related("profile").order_by("username")[:_SERVICES_SHOWN])


def _counted(rows: QuerySet[Webhook]) -> QuerySet[Webhook]:
    mine = WebhookDelivery.objects.filter(webhook=OuterRef("pk"))
    return rows.select_related("owner__profile").annotate(
        found_waiting=_count(mine.filter(state__in=[_State.WAITING, _State.SENDING])),
        found_given_up=_count(mine.filter(state=_State.GIVEN_UP)),
        has_any=Exists(mine),
    )


def _count(rows: QuerySet[WebhookDelivery]) -> Coalesce:
    counted = rows.order_by().values("webhook").annotate(found=Count("pk")).values("found")
    return Coalesce(Subquery(counted), 0, output_field=IntegerField())


def _line(row: Any, *, now: datetime) -> WebhookLine:  # Any: a Webhook with what _counted adds
    both = row.previous_until if row.previous_until and row.previous_until > now else None
    return WebhookLine(
        pk=row.pk,
        name=row.name,
        host=row.host,
        events=tuple(_name(code) for code in row.events),
        owner=row.owner.get_username(),
        is_service=sign_in_policies.kind_of(row.owner) == Profile.Kind.SERVICE,
        created_by=row.created_by,
        created_at=row.created_at,
        health=_health(row),
        failing_since=row.failing_since,
        off_at=row.off_at,
        off_reason=row.off_reason,
        both_secrets_until=both,
        waiting=row.found_waiting,
        given_up=row.found_given_up,
    )


def _health(row: Any) -> Health:  # Any: likewise
    if not row.is_active:
        return Health.OFF
    if row.failing_since is not None:
        return Health.FAILING
    return Health.WORKS if row.has_any else Health.NEW


def _delivery(row: Any) -> DeliveryLine:  # Any: a WebhookDelivery with its size
    return DeliveryLine(
        pk=row.pk,
        event=_name(row.event.type),
        event_id=row.event.event_id,
        happened_at=row.event.happened_at,
        state=row.state,
        state_label=row.get_state_display(),
        attempts=row.attempts,
        replays=row.replays,
        status_code=row.status_code,
        error=row.error,
        next_try_at=row.next_try_at,
        ended_at=row.ended_at,
        size=row.size,
    )


def _name(code: str) -> str:
    if code == policies.TEST:
        return "Test"
    return policies.BY_CODE[code].name if code in policies.BY_CODE else code
