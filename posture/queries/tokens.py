"""API tokens as lists: one's own, those of a service account, and everybody's."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from django.db.models import QuerySet

from inventory import web
from inventory.access import AnyUser
from inventory.web import Key, Page
from posture.models import ApiToken, Profile
from posture.policies import roles
from posture.policies import sign_in as policies

PAGE_SIZE: Final = 50
_KEYS: Final = (Key("id", is_descending=True),)
_SOON: Final = timedelta(days=14)


class State(StrEnum):
    GOOD = "GOOD"
    EXPIRING = "EXPIRING"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True)
class TokenLine:
    """`rights` are names for people; `start` is how the token begins, to tell one from another."""

    pk: int
    name: str
    start: str
    owner_pk: int
    owner: str
    is_service: bool
    rights: tuple[str, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime
    used_at: datetime | None
    address: str
    revoked_at: datetime | None
    revoked_by: str
    state: State


def tokens(
    user: AnyUser,
    *,
    now: datetime,
    owner_pk: int | None = None,
    live_only: bool = False,
    cursor_text: str = "",
) -> Page[TokenLine]:
    """One page, the newest first: of one owner, or of everybody. One query.

    Others' tokens are for people who manage people.
    """
    rows = _visible(user)
    if owner_pk is not None:
        rows = rows.filter(user=owner_pk)
    if live_only:
        rows = rows.filter(revoked_at=None, expiry__gt=now)
    rows = rows.select_related("user__profile", "created_by")
    cursor = web.read_cursor(cursor_text, keys=_KEYS)
    page = web.keyset(rows, keys=_KEYS, cursor=cursor, size=PAGE_SIZE)
    found = tuple(_line(row, now=now) for row in page.rows)
    return Page(found, page.next_cursor, page.previous_cursor)


def _visible(user: AnyUser) -> "QuerySet[ApiToken]":
    rows = ApiToken.objects.all()
    return rows if user.has_perm(roles.MANAGE_PEOPLE) else rows.filter(user=user.pk)


def _line(row: ApiToken, *, now: datetime) -> TokenLine:
    names = {right.code: right.name for right in roles.RIGHTS}
    return TokenLine(
        pk=row.pk,
        name=row.name,
        start=row.token_key[:10],
        owner_pk=row.user_id,
        owner=row.user.get_username(),
        is_service=policies.kind_of(row.user) == Profile.Kind.SERVICE,
        rights=tuple(names.get(code, code) for code in row.rights),
        created_at=row.created,
        created_by=row.created_by.get_username() if row.created_by else "",
        expires_at=row.expiry,
        used_at=row.last_used_at,
        address=row.last_address or "",
        revoked_at=row.revoked_at,
        revoked_by=row.revoked_by,
        state=_state(row, now=now),
    )


def _state(row: ApiToken, *, now: datetime) -> State:
    if row.revoked_at is not None:
        return State.REVOKED
    if row.expiry <= now:
        return State.EXPIRED
    return State.EXPIRING if row.expiry <= now + _SOON else State.GOOD
