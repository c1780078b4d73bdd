"""Closing a week: its numbers are taken once, on Monday, and never again."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from inventory.models import Organization, OrganizationalUnit
from posture.kpis import snapshots, weeks
from posture.kpis.snapshots import NoteEntry, Snapshot
from posture.kpis.weeks import Week
from posture.models import (
    OuDay,
    ReviewEvent,
    ReviewNote,
    ReviewSchedule,
    WebhookEvent,
    WeeklyReview,
)
from posture.policies.webhooks import REVIEW_FROZEN
from posture.rollups import changes
from posture.rollups import kpis as kpi_rollups
from posture.rollups.reviews import controls, draft, scores, snapshot
from posture.rollups.reviews.controls import ControlChange
from posture.rollups.reviews.scores import Days

_DEFAULT_TIME: Final = time(6)
_ONE_DAY: Final = timedelta(days=1)
_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtext('posture.freeze_reviews'))"


def freeze_due(*, now: datetime) -> list[WeeklyReview]:
    """Freeze every week that is over and has no review, from the first with data on; the oldest first.

    Each is told by its own days, however late this is. Returns the new reviews. Safe to run twice,
    and at once.
    """
    found = []
    for organization in Organization.objects.order_by("pk"):
        for week in _due(organization, now=now):
            # Another worker may have been first.
            if _existing(organization, week) is None:
                review = freeze(organization, week.year, week.week, now=now)
                found += [review] if review else []
    return found


def freeze(
    organization: Organization, iso_year: int, iso_week: int, *, now: datetime
) -> WeeklyReview | None:
    """The review of a week, made from the week's own data unless it is there already.

    A week without any data gets a review that says so. None while the week is not over, and for
    weeks before the first data.
    """
    week = Week(iso_year, iso_week)
    first = _first_week(organization)
    closes_at = _closes_at(organization, week)
    if now < closes_at or first is None or week < first:
        return None
    existing = _existing(organization, week)
    if existing is not None:
        return existing
    # A day of the data ends at midnight UTC: east of it, Sunday's goes on when the week is closed.
    until = min(week.ends_on, closes_at.date() - _ONE_DAY)
    root = OrganizationalUnit.objects.filter(organization=organization, parent=None).first()
    days = scores.days_of(root, since=week.starts_on, until=until) if root else None
    failed = _complete(days, now=now)
    return _write(organization, root, week, days=days, until=until, failed=failed, now=now)


def _complete(days: Days | None, *, now: datetime) -> dict[str, str]:
    """Fills what is missing of the day; (reason by KPI) of what could not be. Final days stay."""
    if days is None:
        return {}
    filled = kpi_rollups.fill_day(days.day, now=now)
    changes.write_changes(days.day, now=now)
    return dict(filled.failed)


@transaction.atomic
def _write(  # noqa: PLR0913 - what was found of the week
    organization: Organization,
    root: OrganizationalUnit | None,
    week: Week,
    *,
    days: Days | None,
    until: date,
    failed: dict[str, str],
    now: datetime,
) -> WeeklyReview:
    with connection.cursor() as cursor:
        # A second worker waits, and then finds it done.
        cursor.execute(_ONE_AT_A_TIME)
    existing = _existing(organization, week)
    if existing is not None:
        return existing
    found = snapshot.build(organization, root, week, days=days, until=until)
    found = replace(found, notes=_notes(organization, found, failed))
    review = _review(organization, week, found, now=now)
    ReviewNote.objects.bulk_create(
        ReviewNote(
            review=review,
            kpi=note.kpi,
            cause=note.cause,
            text=note.text,
            on_day=found.data_day,
            written_at=now,
        )
        for note in found.notes
    )
    ReviewEvent.objects.create(review=review, what=ReviewEvent.What.FROZEN, at=now)
    told = {"review": review.pk}
    WebhookEvent.objects.announce(REVIEW_FROZEN, told, organization=organization, now=now)
    return review


def _review(
    organization: Organization, week: Week, found: Snapshot, *, now: datetime
) -> WeeklyReview:
    values = snapshots.to_json(found)
    answer = draft.answer(found)
    headline = draft.headline(found)
    return WeeklyReview.objects.create(
        organization=organization,
        iso_year=week.year,
        iso_week=week.week,
        starts_on=week.starts_on,
        ends_on=week.ends_on,
        data_day=found.data_day,
        data_as_of=found.data_as_of,
        snapshot=values,
        snapshot_hash=snapshots.fingerprint(values),
        proposed_answer=answer,
        proposed_headline=headline,
        answer=answer,
        headline=headline,
        frozen_at=now,
    )


def _notes(
    organization: Organization, found: Snapshot, failed: dict[str, str]
) -> tuple[NoteEntry, ...]:
    before = _existing(organization, Week.of(found.starts_on).previous)
    earlier = snapshots.from_json(before.snapshot) if before else None
    became: tuple[ControlChange, ...] = ()
    if found.data_day and found.previous_day:
        became = controls.between(organization, found.previous_day, found.data_day)
    missing = tuple(
        NoteEntry("missing", kpi, f"{kpi} could not be reckoned: {reason}")
        for kpi, reason in failed.items()
    )
    return (*draft.notes(found, earlier, became), *missing)


def _due(organization: Organization, *, now: datetime) -> Iterator[Week]:
    """Weeks that are over and have no review, the oldest first."""
    first = _first_week(organization)
    if first is None:
        return
    rows = WeeklyReview.objects.filter(organization=organization)
    done = {Week(*row) for row in rows.values_list("iso_year", "iso_week")}
    for week in weeks.between(first, Week.of(now.astimezone(UTC).date())):
        if week not in done and now >= _closes_at(organization, week):
            yield week


def _existing(organization: Organization, week: Week) -> WeeklyReview | None:
    return WeeklyReview.objects.filter(
        organization=organization, iso_year=week.year, iso_week=week.week
    ).first()


def _first_week(organization: Organization) -> Week | None:
    """The week of the first day that was rolled up."""
    rows = OuDay.objects.filter(ou__organization=organization, ou__parent=None, area="")
    day = rows.order_by("day").values_list("day", flat=True).first()
    return Week.of(day) if day else None


def _closes_at(organization: Organization, week: Week) -> datetime:
    schedule = ReviewSchedule.objects.filter(organization=organization).first()
    at = schedule.freeze_at if schedule else _DEFAULT_TIME
    return week.closes_at(at, ZoneInfo(organization.time_zone))
