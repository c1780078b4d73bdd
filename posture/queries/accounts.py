"""The account list and one account's page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypedDict, cast

from django.db.models import (
    Case,
    DecimalField,
    F,
    FilteredRelation,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Lower, Round

from inventory import access, web
from inventory.access import AnyUser
from inventory.models import Account, Team
from inventory.web import Key, Page
from posture.models import AccountDay
from posture.queries import days, figures
from posture.queries.days import Newest
from posture.queries.figures import Standing

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    Listed = QuerySet[WithAnnotations[Account, "Sorted"]]

PAGE_SIZE = 50
_PLACES = 9
# Behind every score there can be, so that accounts without one come last.
_NO_SCORE = Decimal(101)
_AMOUNT = DecimalField(max_digits=30, decimal_places=_PLACES)
SORTS = {
    "score": (Key("sort_score"), Key("id")),
    "help": (Key("sort_lost", is_descending=True), Key("id")),
    "critical": (Key("sort_critical", is_descending=True), Key("id")),
    "name": (Key("sort_name"), Key("id")),
}


class Sorted(TypedDict):
    """What _listed adds to an account; `day_id` is the row of its figures."""

    on_day: Any  # the relation to its AccountDay of the day
    sort_score: Decimal
    sort_lost: Decimal
    sort_critical: int
    sort_name: str
    day_id: int | None


@dataclass(frozen=True, slots=True)
class AccountFilters:
    """What the account list is narrowed to; "" is "not narrowed". An OU includes what is below it.

    `team` is a slug, `owner` the key of a team: 0 is no team, None is any.
    """

    q: str = ""
    ou_path: str = ""
    team: str = ""
    owner: int | None = None
    environment: str = ""
    sort: str = "score"


@dataclass(frozen=True, slots=True)
class AccountRow:
    """`lost` is the weight that its failures cost; the points an OU would win back hang on it.

    `is_visible`: the person may open its page; an account of a day of the past may be elsewhere now.
    `team_key` is that of `team`, 0 for none.
    """

    account_id: str
    name: str
    ou_label: str
    environment: str
    team: str
    state: str
    state_label: str
    is_scored: bool
    standing: Standing
    lost: Decimal
    is_visible: bool = True
    team_key: int = 0


def _listed(user: AnyUser, newest: Newest, *, is_frozen: bool = False) -> "Listed":
    """Accounts with their figures of the day, and what they can be ordered by.

    A day of the past has the accounts of that day, those too that were in an OU of the person's then.
    """
    score = F("on_day__managed_n") * 100 / F("on_day__managed_d")
    lost = F("on_day__managed_d") - F("on_day__managed_n")
    found = Account.objects.select_related("ou__organization", "team").annotate(
        on_day=_on(newest.day, "accountday"),
        sort_score=Case(
            When(
                on_day__managed_d__gt=0,
                on_day__is_scored=True,
                then=Round(score, precision=_PLACES),
            ),
            default=Value(_NO_SCORE),
            output_field=_AMOUNT,
        ),
        sort_lost=Coalesce(lost, Value(Decimal(0)), output_field=_AMOUNT),
        sort_critical=Coalesce(F("on_day__open_critical"), Value(0)),
        sort_name=Lower("name"),
        day_id=F("on_day__pk"),
    )
    rows = cast("Listed", found)
    seen = access.accounts(user, prefix="")
    if not is_frozen:
        return rows.filter(seen, gone_at=None)
    return rows.filter(seen | access.ous(user, prefix="on_day__ou__"), on_day__isnull=False)


def _on(day: date | None, relation: str) -> FilteredRelation:
    condition = Q(**{f"{relation}__day": day, f"{relation}__area": ""})
    return FilteredRelation(relation, condition=condition)


def _narrowed(
    rows: "Listed",
    filters: AccountFilters,
    *,
    is_frozen: bool,
) -> "Listed":
    place = "on_day__ou" if is_frozen else "ou"
    if filters.environment:
        rows = rows.filter(environment=filters.environment)
    if filters.team and is_frozen:
        rows = rows.filter(on_day__team_key__in=Team.objects.filter(slug=filters.team).values("pk"))
    elif filters.team:
        rows = rows.filter(team__slug=filters.team)
    if filters.owner is not None and is_frozen:
        rows = rows.filter(on_day__team_key=filters.owner)
    elif filters.owner is not None:
        rows = rows.filter(team=filters.owner or None)
    if filters.ou_path:
        rows = rows.filter(**{f"{place}__path__startswith": filters.ou_path})
    if filters.q:
        # People paste ids in groups of four, too.
        digits = filters.q.replace(" ", "").replace("-", "")
        rows = rows.filter(Q(name__icontains=filters.q) | Q(account_id__contains=digits))
    return rows


def listing(
    user: AnyUser,
    filters: AccountFilters,
    *,
    cursor_text: str,
    day: date,
    is_frozen: bool = False,
    size: int = 0,
) -> Page[AccountRow]:
    """One page of accounts with their newest figures. Three queries, two more of a frozen day.

    :param size: of the page; 0 is PAGE_SIZE.
    """
    keys = SORTS[filters.sort]
    newest = days.newest_account_days(user, day=day)
    cursor = web.read_cursor(cursor_text, keys=keys)
    rows = _narrowed(_listed(user, newest, is_frozen=is_frozen), filters, is_frozen=is_frozen)
    page = web.keyset(rows, keys=keys, cursor=cursor, size=size or PAGE_SIZE)
    shown = _rows(user, page.rows, newest, is_frozen=is_frozen)
    return Page(shown, page.next_cursor, page.previous_cursor)


def total(
    user: AnyUser, filters: AccountFilters, *, day: date | None = None, is_frozen: bool = False
) -> int:
    """How many accounts there are within the filters. One query.

    :param day: of a frozen list, the day with a rollup.
    """
    rows = _listed(user, Newest(day), is_frozen=is_frozen)
    return _narrowed(rows, filters, is_frozen=is_frozen).count()


def _rows(
    user: AnyUser,
    accounts: "Iterable[WithAnnotations[Account, Sorted]]",
    newest: Newest,
    *,
    is_frozen: bool,
) -> tuple[AccountRow, ...]:
    """One query for all their figures; of a frozen day two more, for teams and who may be opened."""
    accounts = list(accounts)
    keys = [account.pk for account in accounts]
    wanted = AccountDay.objects.filter(account_id__in=keys, area="", day__in=newest.days)
    found: dict[tuple[int, date | None], AccountDay] = {
        (row.account_id, row.day): row for row in wanted.select_related("ou__organization")
    }
    pairs = [
        (account, found.get((account.pk, newest.day)), found.get((account.pk, newest.previous)))
        for account in accounts
    ]
    if not is_frozen:
        return tuple(_row(*pair) for pair in pairs)
    teams = Team.objects.in_bulk([row.team_key for _, row, _ in pairs if row and row.team_key])
    seen = set(Account.objects.visible_to(user).filter(pk__in=keys).values_list("pk", flat=True))
    return tuple(_past_row(*pair, teams=teams, is_visible=pair[0].pk in seen) for pair in pairs)


def _past_row(
    account: Account,
    row: AccountDay | None,
    before: AccountDay | None,
    *,
    teams: Mapping[int, Team],
    is_visible: bool,
) -> AccountRow:
    """Place and team as of the day; what it was called and its environment then is not kept."""
    shown = _row(account, row, before)
    if row is None:
        return shown
    team = teams.get(row.team_key)
    return replace(
        shown,
        ou_label=row.ou.label or row.ou.organization.label,
        team=team.name if team else "",
        team_key=row.team_key if team else 0,
        # Whether it counted then is known; which state it had is not.
        state=Account.State.ACTIVE,
        state_label=Account.State.ACTIVE.label,
        is_visible=is_visible,
    )


def _row(account: Account, row: AccountDay | None, before: AccountDay | None) -> AccountRow:
    past = figures.of_account(row) if row else None
    return AccountRow(
        account_id=account.account_id,
        name=account.name,
        ou_label=account.ou.label or account.ou.organization.label,
        environment=account.environment,
        team=account.team.name if account.team else "",
        team_key=account.team_id or 0,
        state=account.state,
        state_label=account.get_state_display(),
        is_scored=row is not None and row.is_scored,
        standing=figures.standing(past, previous=figures.of_account(before) if before else None),
        lost=past.sums.lost_weight if past else Decimal(0),
    )
