"""The rows of the findings list."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Final

from django.db.models import F, QuerySet

from findings.models import Area, Exposure, Finding, Status
from findings.queries import filters as narrowing
from findings.queries import reach, routes, search
from findings.queries.counts import Summary
from findings.queries.filters import Filters
from inventory import web
from inventory.access import AnyUser
from inventory.web import Key, Page

PAGE_SIZE = 50
# Within this many days of its due date a finding is shown as urgent.
_SOON_DAYS = 3
_SECONDS_A_DAY = 86_400
_ID = Key("id")
_NEWEST_ID = Key("id", is_descending=True)
_IS_OPEN = {"status": Status.OPEN.value}
# What is not open has neither opening nor due date, and comes behind.
ORDERS: Final[Mapping[str, tuple[Key, ...]]] = {
    "worst": (Key("severity_rank", is_descending=True), _NEWEST_ID),
    "due": (Key("due_at", is_nullable=True, implies=_IS_OPEN), _ID),
    "newest": (
        Key("opened_at", is_descending=True, is_nullable=True, implies=_IS_OPEN),
        _NEWEST_ID,
    ),
    "oldest": (Key("opened_at", is_nullable=True, implies=_IS_OPEN), _ID),
}
# What a row shows, and where a finding has it. The keys of the orders are among them.
_COLUMNS: Final = (
    *("id", "severity", "severity_rank", "title", "finding_id", "resource_id", "resource_type"),
    *("region", "product", "status", "workflow", "is_public", "is_excepted", "opened_at"),
    *("due_at", "sla_rule", "updated_at", "control__control_id", "control__area"),
    *("account__account_id", "account__name", "account__environment", "account__ou__label"),
    "account__team__name",
)
# For a column of a table; the full names are too long for one.
_SHORT = {
    Area.IDENTITY: "Identity",
    Area.SECURE_DEPLOYMENT: "Deployment",
    Area.MONITORING: "Monitoring",
    Area.VULNERABILITY: "Vulnerability",
}


_EXPOSURES: Final = {
    True: Exposure.PUBLIC.value,
    False: Exposure.PRIVATE.value,
    None: Exposure.UNKNOWN.value,
}


@dataclass(frozen=True, slots=True)
class Due:
    """What the clock says, in words; `kind` and `icon` are those of a pill."""

    text: str
    kind: str = ""
    icon: str = ""


@dataclass(frozen=True, slots=True)
class FindingRow:
    """`age_days` since it was opened, None when it is not open; `exposure` is one of Exposure.

    `ou` is the names of its OUs from the top, `team` the team's name; "" where there is none.
    """

    pk: int
    finding_id: str
    severity: str
    title: str
    resource: str
    resource_type: str
    account_id: str
    account_name: str
    environment: str
    ou: str
    team: str
    control_id: str
    area: str
    area_short: str
    region: str
    product: str
    exposure: str
    workflow: str
    status: str
    status_label: str
    is_excepted: bool
    opened_at: datetime | None
    updated_at: datetime
    sla_rule: str
    age_days: int | None
    due: Due | None


def findings(  # noqa: PLR0913 - the summary and the size are optional
    user: AnyUser,
    filters: Filters,
    *,
    order: str,
    cursor_text: str,
    now: datetime,
    summary: Summary | None = None,
    size: int = 0,
) -> Page[FindingRow]:
    """One page of findings. Five queries at most where one state is chosen, and those of one facet.

    :param order: a key of ORDERS.
    :param summary: that of the same filters, where the caller has it: its facet is not read again.
    :param size: of the page; 0 is PAGE_SIZE.
    """
    size = size or PAGE_SIZE
    keys = ORDERS[order]
    cursor = web.read_cursor(cursor_text, keys=keys)
    reached = reach.of(user, filters, as_of=narrowing.counted_at(now))
    window = routes.Window(keys, cursor, size + 1)
    counted = routes.numbers(user, reached, now=now, summary=summary)
    found = routes.rows(reached, counted, window, _select)
    page = web.page_of(found, keys=keys, cursor=cursor, size=size)
    return Page(
        tuple(_row(values, now=now) for values in page.rows),
        page.next_cursor,
        page.previous_cursor,
    )


def matching(user: AnyUser, filters: Filters, *, now: datetime) -> "QuerySet[Finding]":
    """Every finding within the filters and with all words, in no order. One query, made here."""
    as_of = narrowing.counted_at(now)
    rows = narrowing.narrow(Finding.objects.visible_to(user), filters, as_of=as_of)
    return search.narrow(rows, filters.q)


def ordered(rows: "QuerySet[Finding]", order: str) -> "QuerySet[Finding]":
    """The findings in the order of the pages. `order` is a key of ORDERS."""
    return rows.order_by(
        *(
            F(key.field).desc(nulls_last=True if key.is_nullable else None)
            if key.is_descending
            else F(key.field).asc(nulls_last=True if key.is_nullable else None)
            for key in ORDERS[order]
        )
    )


def row(finding: Finding, *, now: datetime) -> FindingRow:
    """Reads its account (with OU and team) and its control: load them with it."""
    return _row(
        SimpleNamespace(**{name: _read(finding, name) for name in _COLUMNS}),
        now=now,
    )


def _read(finding: Finding, name: str) -> object:
    value: object = finding
    for step in name.split("__"):
        value = getattr(value, step) if value is not None else None
    return value


def _select(rows: "QuerySet[Finding]") -> "QuerySet[Finding, Any]":
    return rows.values_list(*_COLUMNS, named=True)


# A named tuple of _COLUMNS, which no type can name.
def _row(found: Any, *, now: datetime) -> FindingRow:
    area = Area(found.control__area) if found.control__area else None
    return FindingRow(
        pk=found.id,
        finding_id=found.finding_id,
        severity=found.severity,
        title=found.title,
        resource=resource_name(found.resource_id),
        resource_type=found.resource_type,
        account_id=found.account__account_id,
        account_name=found.account__name,
        environment=found.account__environment,
        ou=found.account__ou__label,
        team=found.account__team__name or "",
        control_id=found.control__control_id,
        area=area.label if area else "",
        area_short=_SHORT.get(area, area.label) if area else "",
        region=found.region,
        product=found.product,
        exposure=_EXPOSURES[found.is_public],
        workflow=found.workflow,
        status=found.status,
        status_label=Status(found.status).label,
        is_excepted=found.is_excepted,
        opened_at=found.opened_at,
        updated_at=found.updated_at,
        sla_rule=found.sla_rule,
        age_days=(now - found.opened_at).days if found.opened_at else None,
        due=due(found.due_at, now=now),
    )


def resource_name(resource_id: str) -> str:
    """The last part of an ARN: `bucket/logs` of `arn:aws:s3:::bucket/logs`; other ids as they are."""
    if not resource_id.startswith("arn:"):
        return resource_id
    return resource_id.split(":", 5)[-1] or resource_id


def due(due_at: datetime | None, *, now: datetime) -> Due | None:
    """Days to or since the due date, whole days, a begun day counting; None without a clock."""
    if due_at is None:
        return None
    seconds = (due_at - now).total_seconds()
    days = int(-(-abs(seconds) // _SECONDS_A_DAY))
    if seconds < 0:
        return Due(f"{days} d late", "bad", "clock")
    return Due(f"{days} d left", "warn" if days <= _SOON_DAYS else "")
