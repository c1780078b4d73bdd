"""One record of CloudTrail, as it stands in a trail file or in the `detail` of an event.

The fields are those of https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from invariants.normalise.messages import PolicyKind, Said, read_message

if TYPE_CHECKING:
    from collections.abc import Mapping

ANONYMOUS: Final = "anonymous"
_LONGEST: Final = 2048
_LONGEST_MESSAGE: Final = 8192
_LONGEST_POLICY: Final = 32_768
_ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)
_SESSION: Final = re.compile(r"(arn:aws[a-z-]*:sts::\d{12}:assumed-role/[^/]+)/.+", re.DOTALL)
# Services name it differently: AccessDenied, AccessDeniedException, Client.UnauthorizedOperation,
# AuthorizationErrorException, NotAuthorizedException, KMS.AccessDeniedException and so on.
_DENIED: Final = re.compile(
    r"accessdenied|unauthorized|authorizationerror|notauthorized", re.IGNORECASE
)
# The calls that change policies; those that fail change nothing.
CHANGES: Final = frozenset(
    {
        "AttachPolicy",
        "CreatePolicy",
        "DeletePolicy",
        "DeleteResourcePolicy",
        "DetachPolicy",
        "DisablePolicyType",
        "EnablePolicyType",
        "MoveAccount",
        "PutResourcePolicy",
        "UpdatePolicy",
    }
)


class Unreadable(ValueError):
    """A record without what tells it apart or says when it was; str() names the field."""


@dataclass(frozen=True, slots=True)
class Denied:
    """A request that a policy denied, or that a service denied in words of its own (`said.kind` None).

    `account_id` is whose policy it is about: the caller's, or for a resource control policy the
    resource's; "" where the record does not say. `principal` is the ARN of a role or user, never of
    a session; the name of a service; or ANONYMOUS.
    """

    event_id: UUID
    at: datetime
    said: Said
    account_id: str
    principal: str
    region: str
    event_name: str
    event_source: str

    @property
    def action(self) -> str:
        """The IAM action; where the message names none, the call, in a form that no action has."""
        return self.said.action or f"{self.event_name} ({self.event_source})"


@dataclass(frozen=True, slots=True)
class Change:
    """A call that changed a policy of the organisation, its attachments, or an account's place.

    `content` is the policy's text that it set, "" where there is none.
    """

    event_id: UUID
    at: datetime
    name: str
    account_id: str
    policy_id: str
    policy_type: str
    target_id: str
    by_arn: str
    by_name: str
    source_ip: str
    content: str


@dataclass(frozen=True, slots=True)
class Other:
    """Anything else: allowed, or failed for another reason."""

    at: datetime


def read_record(record: Mapping[str, Any]) -> Denied | Change | Other:
    """Return what a record means here.

    :raises Unreadable: eventID or eventTime is missing or is none
    """
    at = _moment(record)
    code, message = (
        _text(record, "errorCode"),
        _text(record, "errorMessage", longest=_LONGEST_MESSAGE),
    )
    is_denied = bool(_DENIED.search(code)) or "is not authorized to perform" in message
    if is_denied:
        return _denied(record, at, read_message(message))
    is_change = (
        not code
        and _text(record, "eventSource") == "organizations.amazonaws.com"
        and _text(record, "eventName") in CHANGES
    )
    return _change(record, at) if is_change else Other(at)


def principal_of(identity: Mapping[str, Any]) -> str:
    """Who called, without the session: a role's sessions are many and the role is one.

    Where CloudTrail leaves the role's own ARN out, the session's without its name stands for it: the
    role's path cannot be told from it.
    """
    issuer = _inner(_inner(identity, "sessionContext"), "sessionIssuer")
    if arn := _text(issuer, "arn"):
        return arn
    arn = _text(identity, "arn")
    if session := _SESSION.fullmatch(arn):
        return session[1]
    if arn:
        return arn
    if service := _text(identity, "invokedBy"):
        return service
    account, name = _text(identity, "accountId"), _text(identity, "principalId")
    # The identifier of a session is that of its role, a colon, and the session's name.
    return name.partition(":")[0] or _text(identity, "userName") or account or ANONYMOUS


def _denied(record: Mapping[str, Any], at: datetime, said: Said) -> Denied:
    identity = _inner(record, "userIdentity")
    return Denied(
        event_id=_event_id(record),
        at=at,
        said=said,
        account_id=_account(record, identity, said),
        principal=principal_of(identity),
        region=_text(record, "awsRegion")[:32],
        event_name=_text(record, "eventName")[:128],
        event_source=_text(record, "eventSource")[:128],
    )


def _account(record: Mapping[str, Any], identity: Mapping[str, Any], said: Said) -> str:
    recipient = _number(_text(record, "recipientAccountId"))
    if said.kind != PolicyKind.RCP:
        return _number(_text(identity, "accountId")) or recipient
    owners = {
        number for one in _list(record, "resources") if (number := _number(_text(one, "accountId")))
    }
    parts = said.resource.split(":")
    in_arn = _number(parts[4]) if len(parts) > 5 else ""
    # The caller's copy and the owner's say the same of the resource; only their recipients differ.
    return owners.pop() if len(owners) == 1 else in_arn or recipient


def _change(record: Mapping[str, Any], at: datetime) -> Change:
    asked = _inner(record, "requestParameters")
    answered = _inner(_inner(record, "responseElements"), "policy")
    summary = _inner(answered, "policySummary")
    identity = _inner(record, "userIdentity")
    session = _text(identity, "arn").rpartition("/")[2]
    return Change(
        event_id=_event_id(record),
        at=at,
        name=_text(record, "eventName"),
        account_id=_number(_text(record, "recipientAccountId")),
        policy_id=(_text(asked, "policyId") or _text(summary, "id"))[:130],
        policy_type=(_text(asked, "policyType") or _text(asked, "type") or _text(summary, "type"))[
            :60
        ],
        target_id=(_text(asked, "targetId") or _text(asked, "rootId") or _text(asked, "accountId"))[
            :68
        ],
        by_arn=principal_of(identity),
        by_name=(_text(identity, "userName") or session)[:256],
        source_ip=_text(record, "sourceIPAddress")[:128],
        content=_text(asked, "content", longest=_LONGEST_POLICY),
    )


def _event_id(record: Mapping[str, Any]) -> UUID:
    """One request has one: where two accounts got a record of it, the id that both share."""
    told = _text(record, "sharedEventID") or _text(record, "eventID")
    try:
        return UUID(told)
    except ValueError as e:
        raise Unreadable(f"eventID is no GUID: {told[:80]!r}") from e


def _moment(record: Mapping[str, Any]) -> datetime:
    told = record.get("eventTime")
    try:
        moment = datetime.fromisoformat(told) if isinstance(told, str) else None
        # A time at the edge of what can be told has no equal in another zone.
        found = moment and (
            moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        )
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise Unreadable(f"eventTime is no time: {str(told)[:80]!r}")
    return found


def _text(holder: Mapping[str, Any], name: str, *, longest: int = _LONGEST) -> str:
    """The text of a field; "" of anything else. Postgres keeps no NUL, and no half of a pair."""
    value = holder.get(name)
    if not isinstance(value, str):
        return ""
    return value[:longest].replace("\0", "").encode("utf-8", "replace").decode()


def _inner(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def _list(holder: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = holder.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _number(text: str) -> str:
    return text if _ACCOUNT.fullmatch(text) else ""
