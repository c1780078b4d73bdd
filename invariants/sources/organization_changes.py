"""AWS CloudTrail's event history: who changed policies of AWS Organizations, in the last 90 days.

Organizations answers in us-east-1, and what it did is recorded there, in the management account.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from inventory.aws import Client

PERMISSIONS: dict[str, tuple[str, ...]] = {"management": ("cloudtrail:LookupEvents",)}

REGION: Final = "us-east-1"
KEPT: Final = timedelta(days=90)
_SOURCE: Final = "organizations.amazonaws.com"
_PAGE_SIZE: Final = 50
# IAM has operations of the same names: a thousand events of one name are enough to look through.
_PAGES: Final = 20


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """One call that changed policies. `by` is who, for people; `by_arn` as AWS writes it.

    Ids that the call does not have are "".
    """

    event_id: str
    name: str
    at: datetime
    by: str
    by_arn: str
    policy_id: str
    target_id: str
    policy_type: str


def read_changes(
    client: Client, *, name: str, since: datetime, until: datetime
) -> Iterator[ChangeRecord]:
    """Yield the calls of Organizations of this name from `since` to `until`, the newest first.

    :raises SourceError: any of the family
    """
    pages = client.pages(
        "lookup_events",
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}],
        StartTime=since,
        EndTime=until,
        MaxResults=_PAGE_SIZE,
    )
    for page in islice(pages, _PAGES):
        for raw in page.get("Events") or ():
            if raw.get("EventSource") == _SOURCE:
                yield parse_change(raw)


def parse_change(raw: Mapping[str, Any]) -> ChangeRecord:
    """Return an event as LookupEvents gives it; what stands in its JSON alone is "" where that is cut."""
    whole = _whole(raw.get("CloudTrailEvent", ""))
    asked = _object(whole.get("requestParameters"))
    made = _object(
        _object(_object(whole.get("responseElements")).get("policy")).get("policySummary")
    )
    identity = _object(whole.get("userIdentity"))
    failed = whole.get("errorCode", "")
    return ChangeRecord(
        event_id=raw["EventId"],
        # A call that AWS refused changed nothing.
        name=raw["EventName"] if not failed else "",
        at=raw["EventTime"].astimezone(UTC),
        by=_who(identity) or raw.get("Username", ""),
        by_arn=identity.get("arn", ""),
        policy_id=asked.get("policyId") or made.get("id") or "",
        target_id=asked.get("targetId") or asked.get("rootId") or "",
        policy_type=asked.get("policyType") or asked.get("type") or "",
    )


def _who(identity: Mapping[str, Any]) -> str:
    """The session and the role it is of, or the user; "" where the event does not say."""
    arn = str(identity.get("arn", ""))
    session = arn.rpartition("/")[2]
    issuer = _object(_object(identity.get("sessionContext")).get("sessionIssuer"))
    role = str(issuer.get("userName", ""))
    if identity.get("type") == "Root":
        return "root user"
    if role and session:
        return f"{session} as {role}"
    return session or str(identity.get("invokedBy", ""))


def _whole(text: str) -> Mapping[str, Any]:
    try:
        return _object(json.loads(text))
    except ValueError:
        return {}


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
