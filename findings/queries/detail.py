"""One finding, as its page shows it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Sum

from findings.models import Finding, FindingCount, Status
from findings.queries import explanations, hints, listing, payloads, timeline, vulnerabilities
from findings.queries.explanations import Note
from findings.queries.hints import Hint, Way
from findings.queries.listing import Due, FindingRow
from findings.queries.payloads import Said
from findings.queries.timeline import Event
from findings.queries.vulnerabilities import VulnerabilityRow
from inventory import links
from inventory.access import AnyUser
from inventory.queries import tree
from inventory.queries.tree import Step

OTHERS_SHOWN: Final = 10
_ICONS: Final = {"ok": "circle-check", "warn": "triangle-alert", "bad": "circle-x"}


@dataclass(frozen=True, slots=True)
class FindingDetail:
    """`said` are the product's own words; `payload` is what it sent, as it came.

    `payload` is None once retention has removed it. `control_open` counts the open findings of the
    same control that the person sees, this one among them. `has_more_others`: more open findings on
    the resource than `others`.
    """

    row: FindingRow
    finding_id: str
    said: Said
    status: Note
    notes: tuple[Note, ...]
    account_state: str
    team: str
    way: tuple[Step, ...]
    control_title: str
    resource_id: str
    resource_type: str
    resource_count: int
    is_public: bool | None
    is_excepted: bool
    product: str
    feed: str
    compliance: str
    workflow: str
    record_state: str
    first_observed_at: datetime | None
    last_failed_at: datetime | None
    opened_at: datetime | None
    due_at: datetime | None
    due: Due | None
    due_rule: str
    updated_at: datetime
    vanished_at: datetime | None
    vulnerabilities: tuple[VulnerabilityRow, ...]
    hints: tuple[Hint, ...]
    exception_way: Way | None
    events: tuple[Event, ...]
    # As AWS sent it: its shape is not ours to type.
    payload: Any
    others: tuple[FindingRow, ...]
    has_more_others: bool
    control_open: int

    @property
    def is_open(self) -> bool:
        return self.row.status == Status.OPEN

    @property
    def status_icon(self) -> str:
        return _ICONS.get(self.status.kind, "info")


def finding(user: AnyUser, pk: int, *, now: datetime) -> FindingDetail | None:
    """The finding, None when there is none or the person may not see it. Eight queries."""
    found = (
        Finding.objects.visible_to(user)
        .select_related("account__ou__organization", "account__team", "control", "payload")
        .filter(pk=pk)
        .first()
    )
    if found is None:
        return None
    payload = found.payload.payload if hasattr(found, "payload") else None
    said = payloads.read(payload)
    others = _others(user, found, now=now)
    return FindingDetail(
        row=listing.row(found, now=now),
        finding_id=found.finding_id,
        said=_completed(said, found),
        status=explanations.status(found, now=now),
        notes=explanations.notes(found, today=now.date()),
        account_state=found.account.state,
        team=found.account.team.name if found.account.team else "",
        way=tree.way_to(user, found.account.ou.path),
        control_title=found.control.title,
        resource_id=found.resource_id,
        resource_type=found.resource_type,
        resource_count=found.resource_count,
        is_public=found.is_public,
        is_excepted=found.is_excepted,
        product=found.product,
        feed=found.get_feed_display(),
        compliance=found.compliance,
        workflow=found.workflow,
        record_state=found.record_state,
        first_observed_at=found.first_observed_at,
        last_failed_at=found.last_failed_at,
        opened_at=found.opened_at,
        due_at=found.due_at,
        due=listing.due(found.due_at, now=now),
        due_rule=explanations.due_rule(found),
        updated_at=found.updated_at,
        vanished_at=found.vanished_at,
        vulnerabilities=vulnerabilities.of(found, said.packages),
        hints=hints.prevented_by(user, found),
        exception_way=hints.exception_way(user, found),
        events=timeline.of(found, now=now),
        payload=payload,
        others=others[:OTHERS_SHOWN],
        has_more_others=len(others) > OTHERS_SHOWN,
        control_open=open_of_control(user, found.control_id),
    )


def _completed(said: Said, found: Finding) -> Said:
    """The control's own words where the finding says nothing, or its payload has been removed."""
    url = found.control.remediation_url
    return Said(
        description=said.description or found.control.description,
        remediation_text=said.remediation_text,
        remediation_url=said.remediation_url or (url if links.is_web_link(url) else ""),
        tags=said.tags,
        packages=said.packages,
    )


def open_of_control(user: AnyUser, control_pk: int) -> int:
    """How many open findings of a control the person sees. One query, on the counts."""
    counted = FindingCount.objects.visible_to(user).filter(control=control_pk, status=Status.OPEN)
    return counted.aggregate(findings=Sum("findings"))["findings"] or 0


def _others(user: AnyUser, found: Finding, *, now: datetime) -> tuple[FindingRow, ...]:
    """Other open findings on the same resource, worst first, one more than are shown. One query."""
    rows = (
        Finding.objects.visible_to(user)
        .open()
        .filter(
            account=found.account_id,
            resource_hash=found.resource_hash,
            resource_id=found.resource_id,
        )
        .exclude(pk=found.pk)
        .select_related("account__ou", "account__team", "control")
        .order_by("-severity_rank", "-id")
    )
    return tuple(listing.row(other, now=now) for other in rows[: OTHERS_SHOWN + 1])
