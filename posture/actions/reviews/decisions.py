"""Actions: decided in a draft, moved and closed at any time after."""

from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.db import transaction

from posture import kpis
from posture.actions.reviews import refusals
from posture.actions.reviews.refusals import Refused
from posture.models import ReviewAction, ReviewEvent, WeeklyReview

_TEXT: Final = 500
_NAME: Final = 150
_What = ReviewEvent.What


@transaction.atomic
def add_action(  # noqa: PLR0913 - what, who, by when, and for which KPI
    user: User,
    review: WeeklyReview,
    *,
    text: str,
    owner: str,
    due_on: date,
    kpi: str = "",
    now: datetime,
) -> ReviewAction:
    """Something to do, by somebody, until a day; unfinished, it is carried into the next reviews.

    :raises Refused: for an empty text or owner, an unknown KPI, or a day that is over.
    """
    row = refusals.draft(user, review.pk)
    if kpi and kpi not in kpis.registry():
        raise Refused(f"{kpi!r} is no KPI: use K1 to K{len(kpis.registry())}.")
    _in_future(due_on, now=now)
    action = ReviewAction.objects.create(
        organization_id=row.organization_id,
        review=row,
        kpi=kpi,
        text=refusals.text_of(text, what="The action", longest=_TEXT),
        owner=refusals.text_of(owner, what="The owner", longest=_NAME),
        due_on=due_on,
        first_due_on=due_on,
        created_by=user.get_username(),
        created_at=now,
    )
    refusals.record(row, _What.ACTION_ADDED, by=user, now=now, text=action.text, action=action)
    return action


@transaction.atomic
def move_due(
    user: User, action: ReviewAction, *, due_on: date, reason: str = "", now: datetime
) -> ReviewAction:
    """Another due date. The first one stays, the move is kept and shown.

    :raises Refused: when the action is closed, or the day is over or the same.
    :raises ReviewAction.DoesNotExist: when there is none for this person.
    """
    found = _open(user, action)
    _in_future(due_on, now=now)
    if due_on == found.due_on:
        raise Refused(f"{due_on} is its due date already: choose another day.")
    before, found.due_on = found.due_on, due_on
    found.save(update_fields=["due_on"])
    refusals.record(
        found.review,
        _What.ACTION_MOVED,
        by=user,
        now=now,
        text=reason.strip()[:_TEXT],
        action=found,
        details={"due_on": [before.isoformat(), due_on.isoformat()]},
    )
    return found


@transaction.atomic
def close_action(
    user: User, action: ReviewAction, *, outcome: str, note: str = "", now: datetime
) -> ReviewAction:
    """Done, or dropped with the reason why.

    :raises Refused: when it is closed already, or dropped without a reason.
    :raises ReviewAction.DoesNotExist: when there is none for this person.
    """
    found = _open(user, action)
    kept = note.strip()[:_TEXT]
    if outcome not in {ReviewAction.Outcome.DONE, ReviewAction.Outcome.DROPPED}:
        raise Refused(f"{outcome!r} is no outcome: use done or dropped.")
    if outcome == ReviewAction.Outcome.DROPPED and not kept:
        raise Refused("An action is dropped for a reason: write it.")
    # Due dates are days of the organisation's calendar: done on Friday evening is done on Friday.
    zone = ZoneInfo(found.organization.time_zone)
    found.outcome, found.closed_on = outcome, now.astimezone(zone).date()
    found.closing_note = kept
    found.save(update_fields=["outcome", "closed_on", "closing_note"])
    refusals.record(
        found.review,
        _What.ACTION_CLOSED,
        by=user,
        now=now,
        text=kept,
        action=found,
        details={"outcome": ["", outcome]},
    )
    return found


def _open(user: User, action: ReviewAction) -> ReviewAction:
    """The action, locked."""
    refusals.permit(user, refusals.EDIT)
    rows = ReviewAction.objects.visible_to(user).select_for_update(of=("self",))
    related = rows.select_related("review", "organization").defer("review__snapshot")
    found = related.get(pk=action.pk)
    if found.outcome:
        raise Refused(f"It is {found.get_outcome_display()} already, since {found.closed_on}.")
    return found


def _in_future(due_on: date, *, now: datetime) -> None:
    if due_on < now.date():
        raise Refused(f"{due_on} is over: choose today or a later day.")
