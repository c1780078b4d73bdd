"""The account list and one account's page."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypedDict

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

from inventory import web
from inventory.access import AnyUser
from inventory.models import Account
from inventory.models.accounts import AccountQuerySet
from inventory.queries import accounts as inventory_accounts
from inventory.web import Key, Page
from posture import scoring
from posture.models import AccountDay
from posture.queries import days, figures
from posture.queries.figures import Standing

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

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
    """What _with_days adds to an account; `day_id` is the row of its figures."""

    sort_score: Decimal
    sort_lost: Decimal
    sort_critical: int
    sort_name: str
    day_id: int | None


@dataclass(frozen=True, slots=True)
class AccountFilters:
    """What the account list is narrowed to; "" is "not narrowed". An OU includes what is below it."""

    q: str = ""
    ou_path: str = ""
    team: str = ""
    environment: str = ""
    sort: str = "score"


@dataclass(frozen=True, slots=True)
class AccountRow:
    """`lost` is the weight that its failures cost; the points an OU would win back hang on it."""

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


def _with_days(
    rows: "QuerySet[Account]", day: date | None
) -> "QuerySet[WithAnnotations[Account, Sorted]]":
    """Accounts with their figures of the day, and what they can be ordered by."""
    on_day = Q(accountday__day=day, accountday__area="")
    score = F("on_day__managed_n") * 100 / F("on_day__managed_d")
    lost = F("on_day__managed_d") - F("on_day__managed_n")
    return rows.annotate(
        on_day=FilteredRelation("accountday", condition=on_day),
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


def _narrowed(user: AnyUser, filters: AccountFilters) -> AccountQuerySet:
    rows = inventory_accounts.visible(user).live()
    exact: dict[str, Any] = {"team__slug": filters.team, "environment": filters.environment}
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    if filters.ou_path:
        rows = rows.filter(ou__path__startswith=filters.ou_path)
    if filters.q:
        # People paste ids in groups of four, too.
        digits = filters.q.replace(" ", "").replace("-", "")
        rows = rows.filter(Q(name__icontains=filters.q) | Q(account_id__contains=digits))
    return rows


def listing(
    user: AnyUser, filters: AccountFilters, *, cursor_text: str, day: date
) -> Page[AccountRow]:
    """One page of accounts with their newest figures. Three queries."""
    keys = SORTS[filters.sort]
    newest = days.newest_account_day(user, day=day)
    cursor = web.read_cursor(cursor_text, length=len(keys))
    rows = _with_days(_narrowed(user, filters), newest)
    page = web.keyset(rows, keys=keys, cursor=cursor, size=PAGE_SIZE)
    return Page(_rows(page.rows), page.next_cursor, page.previous_cursor)


def total(user: AnyUser, filters: AccountFilters) -> int:
    """How many accounts there are within the filters. One query."""
    return _narrowed(user, filters).count()


def needing_help(user: AnyUser, ou_path: str, *, day: date, limit: int) -> tuple[AccountRow, ...]:
    """Scored accounts below an OU whose failures cost it most. Three queries."""
    newest = days.newest_account_day(user, day=day)
    rows = _with_days(inventory_accounts.visible(user).scored(), newest)
    rows = rows.filter(ou__path__startswith=ou_path, sort_lost__gt=Decimal(0))
    return _rows(rows.order_by("-sort_lost", "id")[:limit])


def _rows(
    accounts: "Iterable[WithAnnotations[Account, Sorted]]",
) -> tuple[AccountRow, ...]:
    """One query for all their figures."""
    accounts = list(accounts)
    ids = [account.day_id for account in accounts if account.day_id]
    found = {row.account_id: row for row in AccountDay.objects.filter(pk__in=ids)}
    return tuple(_row(account, found.get(account.pk)) for account in accounts)


def _row(account: Account, row: AccountDay | None) -> AccountRow:
    past = figures.of_account(row) if row else None
    return AccountRow(
        account_id=account.account_id,
        name=account.name,
        ou_label=account.ou.label or account.ou.organization.label,
        environment=account.environment,
        team=account.team.name if account.team else "",
        state=account.state,
        state_label=account.get_state_display(),
        is_scored=row is not None and row.is_scored,
        standing=figures.standing(past),
        lost=past.sums.lost_weight if past else Decimal(0),
    )


@dataclass(frozen=True, slots=True)
class FailingControl:
    """A control that fails in one account; `points` is what fixing it all would win, None unscored."""

    control_id: str
    title: str
    severity: str
    area: str
    failed: int
    passed: int
    points: Decimal | None


def failing_controls(
    user: AnyUser, account: Account, standing: Standing
) -> tuple[FailingControl, ...]:
    """What fails in the account, most points first. One query."""
    cells = (
        account.cell_set.visible_to(user)
        .filter(failed__gt=0)
        .select_related("control")
        .order_by("control__control_id")
    )
    whole = standing.figures.sums.managed_d if standing.figures else Decimal(0)
    lines = [
        FailingControl(
            control_id=cell.control.control_id,
            title=cell.control.title,
            severity=cell.control.severity,
            area=cell.control.get_area_display() if cell.control.area else "",
            failed=cell.failed,
            passed=cell.passed,
            points=_points(_lost(cell.control, cell.passed, cell.failed, account), whole),
        )
        for cell in cells
    ]
    return tuple(sorted(lines, key=lambda line: (-(line.points or 0), line.control_id)))


def _lost(control: Any, passed: int, failed: int, account: Account) -> Decimal | None:
    if not control.is_scored:
        return None
    counts = scoring.Counts(passed=passed, failed=failed)
    weight = scoring.WEIGHTS[control.severity]
    return scoring.Sums.of_cell(counts, weight=weight, criticality=account.criticality).lost_weight


def _points(lost: Decimal | None, whole: Decimal) -> Decimal | None:
    return scoring.one_decimal(lost * 100 / whole) if lost is not None and whole else None


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What the account's header says. `tags` are (key, value), by key."""

    account_id: str
    name: str
    email: str
    arn: str
    ou_path: str
    environment: str
    team: str
    state: str
    state_label: str
    is_live: bool
    is_scored: bool
    is_management: bool
    criticality: int
    joined_at: datetime | None
    joined_method: str
    tags: tuple[tuple[str, str], ...]


def account_facts(account: Account) -> AccountFacts:
    organization = account.ou.organization
    return AccountFacts(
        account_id=account.account_id,
        name=account.name,
        email=account.email,
        arn=account.arn,
        ou_path=account.ou.path,
        environment=account.environment,
        team=account.team.name if account.team else "",
        state=account.state,
        state_label=account.get_state_display(),
        is_live=account.gone_at is None,
        is_scored=account.state == "ACTIVE" and account.ou.role != "SUSPENDED",
        is_management=organization.management_account_id == account.account_id,
        criticality=account.criticality,
        joined_at=account.joined_at,
        joined_method=account.joined_method.replace("_", " ").lower(),
        tags=tuple(sorted((str(key), str(value)) for key, value in account.tags.items())),
    )
