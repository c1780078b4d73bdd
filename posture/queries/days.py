"""Reading rollup rows: the only place that asks OuDay and AccountDay for a stretch of time."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeVar

from django.db.models import (
    Count,
    DateField,
    F,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    Window,
)
from django.db.models.functions import Cast, RowNumber

from inventory import access
from inventory.access import AnyUser
from inventory.models import Account
from posture.models import AccountDay, OuDay, RollupState
from posture.queries import figures
from posture.queries.figures import DAYS_A_WEEK, WEEKS, Figures, History
from posture.queries.ou_days import AreaPair, pairs

Row = TypeVar("Row", AccountDay, OuDay)
# Before the name of a sum: an annotation may not be called as the field it sums.
_SUM = "sum_"


def _window(rows: "QuerySet[Row]", day: date) -> "QuerySet[Row]":
    since = day - timedelta(days=DAYS_A_WEEK * WEEKS)
    return rows.filter(day__gt=since, day__lte=day)


def _needed(rows: "QuerySet[Row]", owner: str, day: date) -> "QuerySet[Row]":
    """The newest row of each owner and week, and the newest but one of each owner.

    So daily rows cost no more than weekly ones.
    """
    # date - date is a number of days in PostgreSQL.
    week = Func(
        Cast(Value(day), DateField()),
        F("day"),
        template=f"((%(expressions)s) / {DAYS_A_WEEK})",
        arg_joiner=" - ",
        output_field=IntegerField(),
    )
    newest = F("day").desc()
    return (
        _window(rows, day)
        .annotate(week=week)
        .annotate(
            of_owner=Window(RowNumber(), partition_by=[F(owner)], order_by=newest),
            of_week=Window(RowNumber(), partition_by=[F(owner), F("week")], order_by=newest),
        )
        .filter(Q(of_week=1) | Q(of_owner=2))
        .order_by(owner, "-day")
    )


def account_history(user: AnyUser, account: Account, *, day: date) -> History:
    """The 13 weeks of one account. One query."""
    rows = AccountDay.objects.visible_to(user).filter(account=account, area="")
    found = [figures.of_account(row) for row in _needed(rows, "account_id", day)]
    return figures.history(found, day=day)


def account_areas(user: AnyUser, account: Account, past: History) -> dict[str, AreaPair]:
    """Areas of one account on the days of its newest and its earlier figures. One query."""
    rows = AccountDay.objects.visible_to(user).filter(account=account, day__in=_days_of([past]))
    found = {(row.area, row.day): figures.of_account(row) for row in rows.exclude(area="")}
    return pairs(found, past)


def account_row(user: AnyUser, account: Account, past: History) -> AccountDay | None:
    """The row behind the newest figures of an account, with its OU of that day. One query."""
    if past.now is None:
        return None
    rows = AccountDay.objects.visible_to(user).select_related("ou")
    return rows.filter(account=account, area="", day=past.now.day).first()


def seen_then(user: AnyUser) -> Q:
    """Filter for rows of AccountDay: accounts that the person sees, or that were in their OUs then."""
    return access.accounts(user, prefix="account__") | access.ous(user, prefix="ou__")


def of_teams(
    user: AnyUser, days: Collection[date], *, team: int | None = None, is_frozen: bool = False
) -> dict[int, list[Figures]]:
    """Sums over the accounts of each owner that the person sees, on each of these days. One query.

    By the key of the team of that day; 0 is no team.

    :param team: of this one only.
    """
    rows = AccountDay.objects.filter(day__in=days, area="")
    rows = rows.filter(seen_then(user)) if is_frozen else rows.visible_to(user)
    if team is not None:
        rows = rows.filter(team_key=team)
    found: dict[int, list[Figures]] = {}
    for row in _summed(rows, "team_key", "day").order_by("team_key", "day"):
        found.setdefault(row["team_key"], []).append(_totals(row))
    return found


def team_areas(
    user: AnyUser, team: int, past: History, *, is_frozen: bool = False
) -> dict[str, AreaPair]:
    """Areas of the accounts of an owner on the days of its newest and earlier figures. One query."""
    days = _days_of([past])
    rows = AccountDay.objects.filter(day__in=days, team_key=team)
    rows = rows.filter(seen_then(user)) if is_frozen else rows.visible_to(user)
    summed = _summed(rows.exclude(area=""), "day", "area").order_by("day", "area")
    return pairs({(row["area"], row["day"]): _totals(row) for row in summed}, past)


def weighed(
    user: AnyUser, *, day: date, team: int | None = None, is_frozen: bool = False
) -> tuple[tuple[int, int], ...]:
    """(key, criticality) of the scored accounts that the person sees on a day. One query.

    :param team: of this owner only.
    """
    rows = AccountDay.objects.filter(day=day, area="", is_scored=True)
    rows = rows.filter(seen_then(user)) if is_frozen else rows.visible_to(user)
    if team is not None:
        rows = rows.filter(team_key=team)
    return tuple(rows.order_by("account_id").values_list("account_id", "criticality"))


def week_days(*, day: date) -> tuple[date, ...]:
    """The newest day with a rollup of each of the 13 weeks, and the newest but one of all. One query."""
    since = day - timedelta(days=DAYS_A_WEEK * WEEKS)
    rows = OuDay.objects.filter(ou__depth=0, area="", day__gt=since, day__lte=day)
    found = list(rows.order_by("-day").values_list("day", flat=True).distinct())
    newest = {figures.week_of(one, day=day): one for one in reversed(found)}
    return tuple(sorted({*newest.values(), *found[1:2]}))


def own_history(user: AnyUser, *, day: date) -> History:
    """The 13 weeks of all accounts that the person sees, taken together. One query."""
    rows = _window(AccountDay.objects.visible_to(user).filter(area=""), day)
    summed = _summed(rows, "day").order_by("day")
    return figures.history([_totals(row) for row in summed], day=day)


def own_areas(user: AnyUser, past: History) -> dict[str, AreaPair]:
    """Areas of all accounts that the person sees, taken together. One query."""
    rows = AccountDay.objects.visible_to(user).filter(day__in=_days_of([past])).exclude(area="")
    summed = _summed(rows, "day", "area").order_by("day", "area")
    return pairs({(row["area"], row["day"]): _totals(row) for row in summed}, past)


def _summed(rows: "QuerySet[AccountDay]", *by: str) -> "QuerySet[AccountDay, dict[str, Any]]":
    """Scores over scored accounts, as in an OU; open findings over all, as in the findings list."""
    scored = Q(is_scored=True)
    summed: QuerySet[AccountDay, dict[str, Any]] = rows.values(*by).annotate(
        **{f"{_SUM}{name}": Sum(name, filter=scored) for name in figures.SUMS},
        **{f"{_SUM}{name}": Sum(name) for name in figures.COUNTS},
        accounts=Count("pk", filter=scored),
        accounts_evaluated=Count("pk", filter=scored & Q(managed_d__gt=0)),
        accounts_total=Count("pk"),
        accounts_overdue_critical=Count("pk", filter=scored & Q(overdue_critical__gt=0)),
        accounts_overdue_high=Count("pk", filter=scored & Q(overdue_high__gt=0)),
    )
    return summed


def _totals(row: Mapping[str, Any]) -> Figures:
    return figures.of_totals({name.removeprefix(_SUM): value for name, value in row.items()})


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest day with a rollup, and the one before it; None where there is none."""

    day: date | None = None
    previous: date | None = None

    @property
    def days(self) -> tuple[date, ...]:
        return tuple(day for day in (self.day, self.previous) if day)


def newest_account_days(user: AnyUser, *, day: date) -> Newest:
    """The two newest days up to `day` on which accounts were rolled up. One query."""
    rows = AccountDay.objects.visible_to(user).filter(area="")
    earlier = rows.filter(day__lt=OuterRef("day")).order_by("-day").values("day")[:1]
    found = rows.filter(day__lte=day).order_by("-day").annotate(previous=Subquery(earlier))
    row = found.values_list("day", "previous").first()
    return Newest(*row) if row else Newest()


def rolled_up(*, day: date) -> date | None:
    """The newest day up to `day` that has a rollup, whoever asks. One query."""
    rows = AccountDay.objects.filter(area="", day__lte=day).order_by("-day")
    return rows.values_list("day", flat=True).first()


def first_day() -> date | None:
    """The first day that has a rollup. One query."""
    return AccountDay.objects.order_by("day").values_list("day", flat=True).first()


def state() -> RollupState | None:
    """How far the scores are, None before the first rollup. One query."""
    return RollupState.objects.filter(name="scores").first()


def _days_of(histories: Iterable[History]) -> set[date]:
    kept = [row for past in histories for row in (past.now, past.before) if row]
    return {row.day for row in kept}
