"""K1, beside its sums: the letter of each OU, and how many of its accounts have which."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from inventory.models import Organization, OrganizationalUnit
from posture import scoring
from posture.models import AccountDay, OuDay
from posture.queries import figures
from posture.scoring import Grade, Letter


def details(
    day: date, *, organization: Organization, now: datetime
) -> Mapping[int, Mapping[str, Any]]:
    """`letter` is the one that is shown; `capped` is what score and gates say of this day alone."""
    ous = OrganizationalUnit.objects.filter(organization=organization).in_bulk()
    grades = _grades_of_accounts(day, ous)
    today = _of_ous(day, ous)
    before = _of_ous(_day_before(day), ous)
    found = {}
    for ou, grade in today.items():
        shown = scoring.held(grade, before.get(ou))
        found[ou] = {
            "letter": str(shown.letter),
            "uncapped": str(shown.uncapped),
            "capped": str(grade.letter),
            "reason": shown.explain(),
            "grades": grades[ou],
        }
    return found


def _grades_of_accounts(
    day: date, ous: Mapping[int, OrganizationalUnit]
) -> dict[int, dict[str, int]]:
    """How many scored accounts of each OU have each letter."""
    by_path = {ou.path: pk for pk, ou in ous.items()}
    counts = {pk: {str(letter): 0 for letter in Letter} for pk in ous}
    before = {row.account_id: _grade(row) for row in _accounts(_day_before(day), ous)}
    for row in _accounts(day, ous):
        if not row.is_scored:
            continue
        letter = str(scoring.held(_grade(row), before.get(row.account_id)).letter)
        for path in _above(ous[row.ou_id].path):
            counts[by_path[path]][letter] += 1
    return counts


def _accounts(day: date | None, ous: Mapping[int, OrganizationalUnit]) -> Iterator[AccountDay]:
    if day is None:
        return iter(())
    return AccountDay.objects.filter(day=day, area="", ou__in=ous).iterator()


def _grade(row: AccountDay) -> Grade:
    return figures.of_account(row).grade


def _of_ous(day: date | None, ous: Mapping[int, OrganizationalUnit]) -> dict[int, Grade]:
    if day is None:
        return {}
    rows = OuDay.objects.filter(day=day, area="", ou__in=ous)
    return {row.ou_id: figures.of_ou(row).grade for row in rows}


def _day_before(day: date) -> date | None:
    """The day that was rolled up before this one."""
    earlier = OuDay.objects.filter(day__lt=day, area="").order_by("-day")
    return earlier.values_list("day", flat=True).first()


def _above(path: str) -> Iterator[str]:
    """The path itself and those of all OUs above, from the root down."""
    place = path.find("/")
    while place != -1:
        yield path[: place + 1]
        place = path.find("/", place + 1)
