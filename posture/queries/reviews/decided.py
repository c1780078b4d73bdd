"""What was decided in reviews, and how far it is: carried from week to week until it is done."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db.models import F, Q, QuerySet

from inventory.access import AnyUser
from posture.kpis.weeks import Week
from posture.models import ReviewAction, ReviewEvent, WeeklyReview

# The page of all actions shows every open one, and so many of those that are closed.
CLOSED_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Move:
    """A due date that was moved."""

    before: date
    after: date
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ActionLine:
    """An action as it stood on a day: `outcome` "" is open; what was closed later is still open.

    `state` is open, late, done, done_late or dropped, by the first due date, for which moving it
    later earns no time. `moves` are oldest first.
    """

    pk: int
    review_id: int
    week: str
    kpi: str
    text: str
    owner: str
    due_on: date
    first_due_on: date
    outcome: str
    closed_on: date | None
    closing_note: str
    created_by: str
    state: str
    moves: tuple[Move, ...]

    @property
    def is_open(self) -> bool:
        return not self.outcome

    @property
    def is_late(self) -> bool:
        return self.state in {"late", "done_late"}


def actions(user: AnyUser, *, day: date) -> tuple[ActionLine, ...]:
    """Every open action, the most urgent first, then those closed last. Three queries at most."""
    rows = ReviewAction.objects.visible_to(user).select_related("review").defer("review__snapshot")
    open_ones = list(rows.open().order_by("first_due_on", "pk"))
    closed = list(rows.exclude(closed_on=None).order_by("-closed_on", "-pk")[:CLOSED_SHOWN])
    return _lines([*open_ones, *closed], day=day)


def of_review(
    review: WeeklyReview, *, day: date
) -> tuple[tuple[ActionLine, ...], tuple[ActionLine, ...]]:
    """(decided in this review, carried into it from earlier ones). Two queries at most.

    Of a draft as of `day`; of a published one as of that very moment, so that nothing that is done
    later, on the same day or in another draft, changes it. Carried is what was open when the week
    began: it shows once more, as done, when it is closed.
    """
    at = review.published_at
    open_then = Q(closed_on=None) | Q(closed_on__gte=review.starts_on)
    earlier = Q(review__starts_on__lt=review.starts_on) & open_then
    if at is not None:
        earlier &= Q(created_at__lte=at)
        day = at.date()
    found = _of(review).filter(Q(review=review) | earlier)
    lines = _lines(found.order_by("first_due_on", "pk"), day=day, at=at)
    own = tuple(line for line in lines if line.review_id == review.pk)
    return own, tuple(line for line in lines if line.review_id != review.pk)


def _of(review: WeeklyReview) -> "QuerySet[ReviewAction]":
    rows = ReviewAction.objects.filter(organization=review.organization_id)
    return rows.select_related("review").defer("review__snapshot")


def _lines(
    rows: Iterable[ReviewAction], *, day: date, at: datetime | None = None
) -> tuple[ActionLine, ...]:
    found = list(rows)
    events = _events([row.pk for row in found])
    return tuple(_line(row, events.get(row.pk, ()), day=day, at=at) for row in found)


def _events(pks: list[int]) -> Mapping[int, list[ReviewEvent]]:
    """What was moved and closed, oldest first: also what was moved there and back again."""
    found: dict[int, list[ReviewEvent]] = defaultdict(list)
    if not pks:
        return found
    whats = (ReviewEvent.What.ACTION_MOVED, ReviewEvent.What.ACTION_CLOSED)
    events = ReviewEvent.objects.filter(what__in=whats, action__in=pks)
    for event in events.annotate(key=F("action_id")).order_by("at", "pk"):
        found[event.key].append(event)
    return found


def _move(event: ReviewEvent) -> Move:
    before, after = event.details["due_on"]
    return Move(
        date.fromisoformat(before), date.fromisoformat(after), event.text, event.by, event.at
    )


def _line(
    row: ReviewAction, events: Iterable[ReviewEvent], *, day: date, at: datetime | None
) -> ActionLine:
    known: list[Move] = []
    later: list[Move] = []
    is_closed = row.closed_on is not None and row.closed_on <= day
    for event in events:
        is_later = event.at > at if at is not None else event.at.date() > day
        if event.what == ReviewEvent.What.ACTION_MOVED:
            (later if is_later else known).append(_move(event))
        else:
            # The day of closing is one of the organisation's calendar, which may be ahead of ours.
            is_closed = not is_later
    return ActionLine(
        pk=row.pk,
        review_id=row.review_id,
        week=Week(row.review.iso_year, row.review.iso_week).name,
        kpi=row.kpi,
        text=row.text,
        owner=row.owner,
        due_on=later[0].before if later else row.due_on,
        first_due_on=row.first_due_on,
        outcome=row.outcome if is_closed else "",
        closed_on=row.closed_on if is_closed else None,
        closing_note=row.closing_note if is_closed else "",
        created_by=row.created_by,
        state=_state(row, is_closed=is_closed, day=day),
        moves=tuple(known),
    )


def _state(row: ReviewAction, *, is_closed: bool, day: date) -> str:
    if is_closed and row.outcome == ReviewAction.Outcome.DROPPED:
        return "dropped"
    ended_on = row.closed_on if is_closed and row.closed_on else day
    is_late = ended_on > row.first_due_on
    if is_closed:
        return "done_late" if is_late else "done"
    return "late" if is_late else "open"
