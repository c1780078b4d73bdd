"""A week beside others: the archive, and its headlines in two weeks."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from inventory.access import AnyUser
from posture.kpis import snapshots
from posture.kpis.snapshots import Snapshot
from posture.kpis.weeks import Week
from posture.models import WeeklyReview
from posture.queries.review_page import kpis, marks
from posture.queries.review_page.kpis import KpiView
from posture.queries.review_page.marks import Mark
from posture.queries.review_page.view import ReviewView
from posture.queries.reviews import ReviewLine


@dataclass(frozen=True, slots=True)
class WeekLine:
    """A line of the archive."""

    line: ReviewLine
    answer: Mark

    @property
    def days(self) -> str:
        return marks.span(self.line.starts_on, self.line.ends_on)


def archive(lines: Iterable[ReviewLine]) -> tuple[WeekLine, ...]:
    return tuple(WeekLine(line, marks.answer(line.answer)) for line in lines)


@dataclass(frozen=True, slots=True)
class Pair:
    """A headline in two weeks."""

    now: KpiView
    then: KpiView | None

    @property
    def is_same_target(self) -> bool:
        return self.then is None or self.then.target_text == self.now.target_text

    @property
    def change(self) -> Decimal | int | None:
        """None where one of the two weeks has no value."""
        if self.then is None or self.now.value is None or self.then.value is None:
            return None
        return self.now.value - self.then.value


def pairs(now: ReviewView, then: Snapshot) -> tuple[Pair, ...]:
    """The headlines of a week beside the same ones of another week, both as they were frozen."""
    before = {view.id: view for view in kpis.kpi_views(then.kpis)}
    return tuple(Pair(view, before.get(view.id)) for view in now.headlines)


def snapshot_of(user: AnyUser, week: str) -> Snapshot | None:
    """What was frozen of a week; None where there is no such review for this person. One query."""
    wanted = Week.read(week)
    if wanted is None:
        return None
    rows = WeeklyReview.objects.visible_to(user).order_by("pk")
    found = rows.filter(iso_year=wanted.year, iso_week=wanted.week).values_list("snapshot").first()
    return snapshots.from_json(found[0]) if found else None
