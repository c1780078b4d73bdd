"""The split of a change into its parts and their causes: stored for a week, computed for any two days."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from inventory.access import AnyUser
from inventory.models import OrganizationalUnit
from posture import scoring
from posture.models import OuDay, ScoreChange
from posture.queries import figures
from posture.queries.changes import moves
from posture.queries.changes.moves import Moved
from posture.scoring import Part, Share

# So many of the largest causes are kept with the split of a week.
CAUSES_KEPT: Final = 24
_WEEK: Final = timedelta(days=7)
_KEPT: Final = Decimal("1e-7")


@dataclass(frozen=True, slots=True)
class CauseLine:
    """Points (seven decimals) of one part that have one cause, and of how many cells.

    `name` is a control's id, or an account's name where the account is the cause.
    """

    part: Part
    cause: str
    name: str
    points: Decimal
    cells: int


@dataclass(frozen=True, slots=True)
class Split:
    """Why the score of an OU moved from the end of `since` to the end of `until`.

    `change` has the parts with seven decimals, which sum exactly; `before` and `after` are the
    scores as shown. `causes` has all of them, the largest first.
    """

    since: date
    until: date
    before: Decimal | None
    after: Decimal | None
    exact: scoring.Split
    causes: tuple[CauseLine, ...]

    @property
    def change(self) -> scoring.Change:
        return self.exact.change

    def of_part(self, part: Part) -> tuple[CauseLine, ...]:
        return tuple(line for line in self.causes if line.part is part)


def of_week(user: AnyUser, ou: OrganizationalUnit, *, day: date) -> ScoreChange | None:
    """The newest split of a week up to `day`, None when there is none that is younger than a week.

    One query.
    """
    rows = ScoreChange.objects.visible_to(user).filter(ou=ou, day__lte=day, day__gt=day - _WEEK)
    return rows.order_by("-day").first()


def between(user: AnyUser, ou: OrganizationalUnit, since: date, until: date) -> Split | None:
    """The split between the ends of any two days with a rollup of the OU. Two queries.

    None when the person may not see the OU, or when nothing was evaluated on one of the days.
    """
    if not OuDay.objects.visible_to(user).filter(ou=ou, day=until).exists():
        return None
    return of_ous([ou.pk], since=since, until=until).get(ou.pk)


def of_ous(ous: Collection[int], *, since: date, until: date) -> dict[int, Split]:
    """The splits of these OUs (keys), of those that had a score on both days. Two queries."""
    rows = OuDay.objects.filter(ou_id__in=ous, area="", day__in=(since, until))
    by_end = {(row.ou_id, row.day): row for row in rows}
    both = sorted(ou for ou in ous if (ou, since) in by_end and (ou, until) in by_end)
    if not both:
        return {}
    moved = moves.by_cause(both, since=since, until=until)
    found = {ou: split_of(by_end[ou, since], by_end[ou, until], moved[ou]) for ou in both}
    return {ou: split for ou, split in found.items() if split is not None}


def split_of(before: OuDay, after: OuDay, moved: Iterable[Moved]) -> Split | None:
    """None when nothing was evaluated on one of the days."""
    lines = list(moved)
    shares = {part: _total(lines, part) for part in Part}
    exact = scoring.split(
        Share.of(figures.of_ou(before).sums), Share.of(figures.of_ou(after).sums), shares
    )
    if exact is None:
        return None
    causes = sorted((_line(exact, one) for one in lines), key=lambda one: -abs(one.points))
    return Split(
        since=before.day,
        until=after.day,
        before=figures.of_ou(before).score.managed,
        after=figures.of_ou(after).score.managed,
        exact=exact,
        causes=tuple(causes),
    )


def _total(lines: Iterable[Moved], part: Part) -> Share:
    return sum((line.share for line in lines if line.part is part), Share())


def _line(exact: scoring.Split, one: Moved) -> CauseLine:
    points = exact.points(one.part, one.share).quantize(_KEPT, ROUND_HALF_UP)
    return CauseLine(one.part, one.cause, one.name, points, one.cells)
