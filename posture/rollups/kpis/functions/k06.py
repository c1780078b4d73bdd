"""K6: of the actions of the weekly review that fell due, how many were done by their first date."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from inventory.models import Organization
from posture.kpis.statistics import Due, due_cohort
from posture.models import ReviewAction, WeeklyReview
from posture.rollups.kpis import episodes
from posture.rollups.kpis.rows import Row

DAYS: Final = 28
_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
# What is known to the day alone happened in it, not at its edge.
_NOON: Final = timedelta(hours=12)


def k06(day: date, *, organization: Organization, now: datetime) -> Iterable[Row]:
    """Rows of the whole organisation: actions, and reviews that were published. Three queries."""
    until = episodes.moment(day, now=now)
    since = datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC) - timedelta(days=DAYS)
    cohort = due_cohort(_due(organization, day), since=since, until=until)
    reviews = WeeklyReview.objects.filter(organization=organization)
    # Before the first review nothing could be done or missed.
    is_known = Decimal(reviews.filter(ends_on__lte=day).exists())
    # The week that ends with the day is published after it: the four before had their time.
    held = reviews.filter(
        ends_on__gt=day - timedelta(days=DAYS + 7), ends_on__lte=day - timedelta(days=7)
    )
    published = held.filter(published_at__lt=until).count()
    return [
        Row(None, "", Decimal(cohort.in_time), Decimal(cohort.counted), is_known, _ONE),
        Row(None, "held", Decimal(published), _ZERO, is_known, _ONE),
    ]


def _due(organization: Organization, day: date) -> list[Due]:
    """A day is over at its end: done on the day is in time. What was dropped before is left out."""
    actions = ReviewAction.objects.filter(
        organization=organization,
        first_due_on__gt=day - timedelta(days=DAYS),
        first_due_on__lte=day,
    )
    return [
        Due(
            due_at=_start(first_due_on + timedelta(days=1)),
            closed_at=_start(closed_on) + _NOON if closed_on else None,
            excepted_at=_start(closed_on)
            if closed_on and outcome == ReviewAction.Outcome.DROPPED
            else None,
        )
        for first_due_on, closed_on, outcome in actions.values_list(
            "first_due_on", "closed_on", "outcome"
        )
    ]


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
