"""The rows of the findings list."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from findings.models import Area, Finding
from findings.queries import filters as narrowing
from findings.queries.filters import Filters
from inventory import web
from inventory.access import AnyUser
from inventory.web import Key, Page

PAGE_SIZE = 50
# Within this many days of its due date a finding is shown as urgent.
_SOON_DAYS = 3
_SECONDS_A_DAY = 86_400
ORDERS: Final = {
    "worst": (Key("severity_rank", is_descending=True), Key("id", is_descending=True)),
    "newest": (Key("id", is_descending=True),),
}


# For a column of a table; the full names are too long for one.
_SHORT = {
    Area.IDENTITY: "Identity",
    Area.SECURE_DEPLOYMENT: "Deployment",
    Area.MONITORING: "Monitoring",
    Area.VULNERABILITY: "Vulnerability",
}


@dataclass(frozen=True, slots=True)
class Due:
    """What the clock says, in words; `kind` and `icon` are those of a pill."""

    text: str
    kind: str = ""
    icon: str = ""


@dataclass(frozen=True, slots=True)
class FindingRow:
    """`age_days` since it was opened, None when it is not open."""

    pk: int
    severity: str
    title: str
    resource: str
    account_id: str
    account_name: str
    control_id: str
    area: str
    area_short: str
    region: str
    status: str
    status_label: str
    age_days: int | None
    due: Due | None


def findings(
    user: AnyUser, filters: Filters, *, order: str, cursor_text: str, now: datetime
) -> Page[FindingRow]:
    """One page of findings. One query.

    :param order: a key of ORDERS; "newest" is the order in which findings came in.
    """
    keys = ORDERS[order]
    rows = narrowing.narrow(Finding.objects.visible_to(user), filters)
    rows = narrowing.search(rows, filters, now=now).select_related("account", "control")
    cursor = web.read_cursor(cursor_text, length=len(keys))
    page = web.keyset(rows, keys=keys, cursor=cursor, size=PAGE_SIZE)
    return Page(
        tuple(row(finding, now=now) for finding in page.rows),
        page.next_cursor,
        page.previous_cursor,
    )


def row(finding: Finding, *, now: datetime) -> FindingRow:
    """Reads finding.account and finding.control: load them with it."""
    area = Area(finding.control.area) if finding.control.area else None
    return FindingRow(
        pk=finding.pk,
        severity=finding.severity,
        title=finding.title,
        resource=resource_name(finding.resource_id),
        account_id=finding.account.account_id,
        account_name=finding.account.name,
        control_id=finding.control.control_id,
        area=area.label if area else "",
        area_short=_SHORT.get(area, area.label) if area else "",
        region=finding.region,
        status=finding.status,
        status_label=finding.get_status_display(),
        age_days=(now - finding.opened_at).days if finding.opened_at else None,
        due=due(finding.due_at, now=now),
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
