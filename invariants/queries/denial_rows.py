"""Denials one by one: what the list, the page of an invariant and the API show of each."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.db.models import QuerySet, Sum

from invariants.models import Denial, DenialDay, DenialServes, DeniedBy
from inventory import access, web
from inventory.access import AnyUser
from inventory.web import Key, Page

SHOWN_DAYS: Final = 28
WINDOWS: Final = (7, 28, 90)
PAGE_SIZE: Final = 50
_KEYS: Final = (Key("last_at", is_descending=True), Key("id", is_descending=True))


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list is narrowed to; "" narrows nothing.

    `invariant` is a key, `policy` the id of a policy, `principal` and `action` are parts of the text.
    `has_none`: only what is tied to no invariant. `days` is one of WINDOWS.
    """

    invariant: str = ""
    policy: str = ""
    type: str = ""
    account: str = ""
    principal: str = ""
    action: str = ""
    has_none: bool = False
    days: int = SHOWN_DAYS

    @property
    def isnarrowed(self) -> bool:
        return self != Filters(days=self.days)


@dataclass(frozen=True, slots=True)
class ForInvariant:
    """An invariant that a denial was for, or may have been for where it is not certain."""

    key: str
    statement: str
    statement_id: str
    is_certain: bool


@dataclass(frozen=True, slots=True)
class DenialRow:
    """One principal and action, denied by one policy in one account; `denied` within the days asked for.

    `principal` and `action` are "" of those beyond the limit of what is told apart. The policy is
    named only to those who see the whole organisation, and is "" where the message named none.
    """

    pk: int
    principal: str
    principal_short: str
    action: str
    account_pk: int | None
    account_id: str
    account_name: str
    policy_type: str
    type_name: str
    policy_id: str
    policy_name: str
    is_explicit: bool
    region: str
    resource: str
    invariants: tuple[ForInvariant, ...]
    denied: int
    first_at: datetime
    last_at: datetime

    @property
    def is_certain(self) -> bool:
        return len(self.invariants) == 1 and self.invariants[0].is_certain


def page(
    user: AnyUser, filters: Filters, *, today: date, cursor_text: str = "", size: int = PAGE_SIZE
) -> Page[DenialRow]:
    """The denials of the days asked for, the newest first. Three queries."""
    found = in_window(user, filters, today=today)
    return rows_of(user, found, filters, today=today, cursor_text=cursor_text, size=size)


def day_before(today: date, days: int) -> date:
    """The day before the first of so many days, of which today is the last."""
    return today - timedelta(days=days)


def narrowed(user: AnyUser, filters: Filters) -> "QuerySet[Denial]":
    """Denials that the user sees and that the filters leave, of any day."""
    rows = Denial.objects.visible_to(user)
    if filters.invariant:
        rows = rows.filter(serves__invariant__key=filters.invariant)
    if filters.has_none:
        rows = rows.filter(serves=None)
    if filters.policy:
        # Whoever does not see the whole organisation cannot ask which policy it was, either.
        is_whole = access.scope_of(user).everything
        rows = rows.filter(policy_arn__endswith=f"/{filters.policy}") if is_whole else rows.none()
    if filters.type:
        rows = rows.filter(policy_type=filters.type)
    if filters.account:
        rows = rows.filter(aws_account_id=filters.account)
    if filters.principal:
        rows = rows.filter(principal__icontains=filters.principal)
    if filters.action:
        rows = rows.filter(action__icontains=filters.action)
    return rows


def in_window(user: AnyUser, filters: Filters, *, today: date) -> "QuerySet[Denial]":
    """Denials with a row for each of their days within the window."""
    rows = narrowed(user, filters)
    return rows.filter(days__day__gt=day_before(today, filters.days), days__day__lte=today)


def policy_id(arn: str) -> str:
    """The id that ends the ARN of a policy."""
    return arn.rpartition("/")[2]


def rows_of(
    user: AnyUser,
    found: "QuerySet[Denial]",
    filters: Filters,
    *,
    today: date,
    cursor_text: str = "",
    size: int = PAGE_SIZE,
) -> Page[DenialRow]:
    """One page of these denials, with what was denied within the days asked for. Three queries."""
    # A denial once, however many days of it are in the window.
    listed = Denial.objects.filter(pk__in=found.order_by().values("pk")).select_related(
        "account", "policy"
    )
    cursor = web.read_cursor(cursor_text, keys=_KEYS)
    paged = web.keyset(listed, keys=_KEYS, cursor=cursor, size=size)
    numbers = [row.pk for row in paged.rows]
    days = DenialDay.objects.filter(
        denial__in=numbers, day__gt=day_before(today, filters.days), day__lte=today
    )
    counts = dict(days.values_list("denial").annotate(all=Sum("count")).order_by("denial"))
    serves = _serves(numbers)
    is_whole = access.scope_of(user).everything
    rows = tuple(
        _row(row, counts.get(row.pk, 0), serves.get(row.pk, ()), is_whole=is_whole)
        for row in paged.rows
    )
    return Page(rows, paged.next_cursor, paged.previous_cursor)


def _serves(numbers: list[int]) -> dict[int, tuple[ForInvariant, ...]]:
    found: dict[int, tuple[ForInvariant, ...]] = {}
    rows = DenialServes.objects.filter(denial__in=numbers).select_related("invariant")
    for row in rows.order_by("denial_id", "invariant__key"):
        one = ForInvariant(
            row.invariant.key, row.invariant.statement, row.statement_id, row.is_certain
        )
        found[row.denial_id] = (*found.get(row.denial_id, ()), one)
    return found


def _row(
    row: Denial, denied: int, serves: tuple[ForInvariant, ...], *, is_whole: bool
) -> DenialRow:
    return DenialRow(
        pk=row.pk,
        principal=row.principal,
        principal_short=short(row.principal),
        action=row.action,
        account_pk=row.account_id,
        account_id=row.aws_account_id,
        account_name=row.account.name if row.account else "",
        policy_type=row.policy_type,
        type_name=DeniedBy(row.policy_type).label,
        policy_id=policy_id(row.policy_arn) if is_whole else "",
        policy_name=row.policy.name if is_whole and row.policy else "",
        is_explicit=row.is_explicit,
        region=row.region,
        resource=row.resource,
        invariants=serves,
        denied=denied,
        first_at=row.first_at,
        last_at=row.last_at,
    )


def short(principal: str) -> str:
    """The part of an ARN that people know: role/Name, user/name; other names as they are."""
    if not principal.startswith("arn:"):
        return principal
    resource = principal.split(":", 5)[-1]
    kind, slash, path = resource.partition("/")
    return f"{kind}/{path.rpartition('/')[2]}" if slash else resource
