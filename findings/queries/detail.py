"""One finding, as its page shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from findings.models import Episode, Finding
from findings.queries import listing
from findings.queries.listing import Due, FindingRow
from inventory.access import AnyUser
from inventory.queries import tree
from inventory.queries.tree import Step

OTHERS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a finding's history."""

    at: datetime
    text: str
    icon: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class FindingDetail:
    """`description` and the remediation are AWS's own words; "" where it says nothing.

    `remediation_url` is http or https, or "".
    """

    row: FindingRow
    finding_id: str
    description: str
    account_state: str
    way: tuple[Step, ...]
    control_title: str
    resource_id: str
    resource_type: str
    resource_count: int
    is_public: bool | None
    product: str
    compliance: str
    workflow: str
    record_state: str
    first_observed_at: datetime | None
    opened_at: datetime | None
    due_at: datetime | None
    due: Due | None
    updated_at: datetime
    vanished_at: datetime | None
    remediation_text: str
    remediation_url: str
    events: tuple[Event, ...]
    # As AWS sent it: its shape is not ours to type.
    payload: Any
    others: tuple[FindingRow, ...]


def finding(user: AnyUser, pk: int, *, now: datetime) -> FindingDetail | None:
    """The finding, None when there is none or the person may not see it. Four queries."""
    found = (
        Finding.objects.visible_to(user)
        .select_related("account__ou__organization", "control", "payload")
        .filter(pk=pk)
        .first()
    )
    if found is None:
        return None
    payload = found.payload.payload if hasattr(found, "payload") else {}
    text, url = _remediation(payload, found.control.remediation_url)
    return FindingDetail(
        row=listing.row(found, now=now),
        finding_id=found.finding_id,
        description=_text(payload, "Description"),
        account_state=found.account.state,
        way=tree.way_to(user, found.account.ou.path),
        control_title=found.control.title,
        resource_id=found.resource_id,
        resource_type=found.resource_type,
        resource_count=found.resource_count,
        is_public=found.is_public,
        product=found.product,
        compliance=found.compliance,
        workflow=found.workflow,
        record_state=found.record_state,
        first_observed_at=found.first_observed_at,
        opened_at=found.opened_at,
        due_at=found.due_at,
        due=listing.due(found.due_at, now=now),
        updated_at=found.updated_at,
        vanished_at=found.vanished_at,
        remediation_text=text,
        remediation_url=url,
        events=_events(found, now=now),
        payload=payload,
        others=_others(user, found, now=now),
    )


def _text(payload: object, *path: str) -> str:
    """A text inside AWS's JSON, "" where anything on the way is missing or something else."""
    for step in path:
        payload = payload.get(step) if isinstance(payload, Mapping) else None
    return payload if isinstance(payload, str) else ""


def _remediation(payload: object, control_url: str) -> tuple[str, str]:
    recommended = ("Remediation", "Recommendation")
    url = _text(payload, *recommended, "Url") or control_url
    return _text(payload, *recommended, "Text"), url if is_web_link(url) else ""


def is_web_link(url: str) -> bool:
    """Whether a link that came from outside may be offered: a javascript: one may not."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _events(found: Finding, *, now: datetime) -> tuple[Event, ...]:
    """What happened to the finding, newest first. One query."""
    events = []
    if found.first_observed_at:
        events.append(Event(found.first_observed_at, "First observed by AWS", "scan-search"))
    for episode in Episode.objects.filter(finding=found).order_by("opened_at"):
        resumed = f", and again {episode.resumed} times since" if episode.resumed else ""
        events.append(Event(episode.opened_at, f"Opened{resumed}", "circle-alert", "now"))
        if episode.closed_at:
            reason = episode.get_close_reason_display()
            events.append(Event(episode.closed_at, f"Closed: {reason}", "check", "ok"))
    if found.due_at and found.due_at < now:
        events.append(Event(found.due_at, "Due date passed", "clock", "bad"))
    if found.vanished_at:
        events.append(Event(found.vanished_at, "No longer reported by AWS", "circle-dashed"))
    return tuple(sorted(events, key=lambda event: event.at, reverse=True))


def _others(user: AnyUser, found: Finding, *, now: datetime) -> tuple[FindingRow, ...]:
    """Other open findings on the same resource, worst first. One query."""
    rows = (
        Finding.objects.visible_to(user)
        .open()
        .filter(account=found.account_id, resource_id=found.resource_id)
        .exclude(pk=found.pk)
        .select_related("account", "control")
        .order_by("-severity_rank", "-id")
    )
    return tuple(listing.row(other, now=now) for other in rows[:OTHERS_SHOWN])
