"""The archive: one line a week."""

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models.fields.json import KT

from inventory import web
from inventory.access import AnyUser
from inventory.models import Organization
from inventory.web import Key, Page
from posture.kpis.weeks import Week
from posture.models import ReviewSchedule, WeeklyReview

PAGE_SIZE: Final = 26
_KEYS: Final = tuple(Key(name, is_descending=True) for name in ("iso_year", "iso_week", "id"))
# Read out of the snapshot by the database: the whole of it stays there.
_FROM_SNAPSHOT: Final = {
    "score": KT("snapshot__score__managed"),
    "letter": KT("snapshot__score__letter"),
    "delta": KT("snapshot__score__delta"),
    "off_target": KT("snapshot__headlines__OFF_TARGET"),
    "no_data": KT("snapshot__headlines__NO_DATA"),
}
_COLUMNS: Final = (
    *("id", "iso_year", "iso_week", "starts_on", "ends_on", "data_day", "state", "answer"),
    *("headline", "frozen_at", "published_at", "published_by", *_FROM_SNAPSHOT),
)
_DEFAULT_TIME: Final = time(6)


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """One week; `off_target` and `no_data` are of the ten headlines. `data_day` None: no data."""

    pk: int
    week: str
    starts_on: date
    ends_on: date
    data_day: date | None
    state: str
    is_published: bool
    answer: str
    headline: str
    score: Decimal | None
    letter: str
    delta: Decimal | None
    off_target: int
    no_data: int
    frozen_at: datetime
    published_at: datetime | None
    published_by: str


def reviews(
    user: AnyUser, *, cursor_text: str = "", size: int = PAGE_SIZE, state: str = ""
) -> Page[ReviewLine]:
    """One page of the archive, the newest week first. One query.

    :param state: DRAFT or PUBLISHED; "" is both.
    """
    rows = WeeklyReview.objects.visible_to(user).annotate(**_FROM_SNAPSHOT)
    if state:
        rows = rows.filter(state=state)
    found = web.keyset(
        rows.values_list(*_COLUMNS, named=True),
        keys=_KEYS,
        cursor=web.read_cursor(cursor_text, keys=_KEYS),
        size=size,
    )
    return Page(tuple(_line(row) for row in found.rows), found.next_cursor, found.previous_cursor)


def newest_week(user: AnyUser, *, is_published: bool = False) -> str:
    """The newest week that has a review, or a published one; "" without any. One query."""
    rows = WeeklyReview.objects.visible_to(user).order_by("-starts_on", "-id")
    if is_published:
        rows = rows.filter(state=WeeklyReview.State.PUBLISHED)
    row = rows.values_list("iso_year", "iso_week").first()
    return Week(*row).name if row else ""


def next_freeze(user: AnyUser, *, now: datetime) -> datetime | None:
    """When the week that goes on now will be frozen; None before there is an organisation."""
    if not _may_read(user):
        return None
    organization = Organization.objects.order_by("pk").first()
    if organization is None:
        return None
    zone = ZoneInfo(organization.time_zone)
    schedule = ReviewSchedule.objects.filter(organization=organization).first()
    at = schedule.freeze_at if schedule else _DEFAULT_TIME
    week = Week.of(now.astimezone(zone).date())
    # On Monday before the hour it is last week that waits.
    last = week.previous.closes_at(at, zone)
    return last if now < last else week.closes_at(at, zone)


def _may_read(user: AnyUser) -> bool:
    return user.has_perm("posture.read_reviews")


# A named tuple of _COLUMNS, which no type can name.
def _line(row: Any) -> ReviewLine:
    return ReviewLine(
        pk=row.id,
        week=Week(row.iso_year, row.iso_week).name,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        data_day=row.data_day,
        state=row.state,
        is_published=row.state == WeeklyReview.State.PUBLISHED,
        answer=row.answer,
        headline=row.headline,
        score=Decimal(row.score) if row.score else None,
        letter=row.letter or "NR",
        delta=Decimal(row.delta) if row.delta else None,
        off_target=int(row.off_target or 0),
        no_data=int(row.no_data or 0),
        frozen_at=row.frozen_at,
        published_at=row.published_at,
        published_by=row.published_by,
    )
