"""The whole record of an exception, as an auditor takes it along: page, API, JSON and PDF tell the same."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from findings.models import Finding
from invariants.models import ExceptionPolicyEdit, ExceptionRequest
from invariants.models.exceptions import ExceptionState, Verb
from invariants.models.exceptions.reconciliation import ExceptionMismatch
from invariants.policies.exceptions.actors import WAITS_FOR
from invariants.queries.exceptions.sight import Sight, sight_of
from inventory.access import AnyUser

FORMAT: Final = "parapet-exception-record/1"
# What a request says in words and days, by the names of its fields.
_ASKED: Final = (
    *("title", "reason", "justification", "system", "business_owner", "data_classification"),
    *("compensating", "remediation_plan", "mechanism", "ticket", "starts_on", "asked_until"),
    *("is_emergency", "renewal"),
)
_DECIDED: Final = (
    *("round", "triaged_at", "inherent_risk", "residual_risk", "risk_note", "approved_at", "until"),
    *("granted_at", "emergency_until", "review_on", "clocks_version"),
)
_DONE: Final = (
    *("pull_request", "removal_pull_request", "looked_at", "verified_at", "seen_at", "ended_at"),
    *("end_reason", "gone_seen_at"),
)


def record_of(user: AnyUser, request: ExceptionRequest, *, now: datetime) -> dict[str, Any]:
    """Everything that is kept of a request which the person sees, as JSON has it: moments and days in
    ISO 8601, people with the ids that they had.

    What names accounts that the person does not see is left out, and counted; `is_whole` says so.
    `sha256` is of all else, written as JSON with sorted keys and without blanks.
    """
    sight = sight_of(user, request)
    told = {
        "format": FORMAT,
        "made_at": now,
        "made_for": user.get_username(),
        "is_whole": sight.sees_all and sight.sees_addresses,
        **summary_of(request, sight),
        "approvals": _approvals(request),
        "milestones": _rows(request.milestones.order_by("pk"), "text", "due_on", "done_on"),
        "comments": [
            {**one, "mentions": [who["name"] for who in one["mentions"]]}
            for one in _rows(
                request.comments.order_by("pk"), "at", "person_name", "text", "mentions"
            )
        ],
        "evidence": _rows(
            request.evidence.order_by("pk"),
            *("name", "content_type", "size", "sha256", "at", "person_name"),
        ),
        "events": events_of(request, sight),
        "found": request.found if sight.sees_all else None,
        "policy_edits": _policy_edits(request) if sight.sees_all else None,
        "reconciliation": _mismatches(user, request),
    }
    plain: dict[str, Any] = json.loads(json.dumps(told, default=_text))
    return plain | {"sha256": digest_of(plain)}


def digest_of(record: Mapping[str, Any]) -> str:
    """SHA-256 in hex of a record without its own digest."""
    kept = {name: value for name, value in record.items() if name != "sha256"}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def summary_of(request: ExceptionRequest, sight: Sight) -> dict[str, Any]:
    """What it is, what it covers, and where it stands."""
    rows = request.scope.order_by("kind", "value").values_list("kind", "value")
    lines, hidden = sight.lines([{"kind": kind, "value": value} for kind, value in rows])
    return {
        "ref": request.ref,
        "organization": request.organization.org_id,
        "state": request.state,
        "state_name": str(ExceptionState(request.state).label),
        "state_since": request.state_since,
        "is_in_force": request.is_in_force,
        "is_zombie": request.is_zombie,
        "waits_for": WAITS_FOR.get(request.state, ""),
        "due_at": request.due_at,
        "created_at": request.created_at,
        "severity": request.severity,
        "target": target_of(request),
        "renews": request.renews.ref if request.renews else None,
        "renewed_by": [one.ref for one in request.renewals.order_by("pk")],
        "people": _people(request),
        **{name: getattr(request, name) for name in (*_ASKED, *_DECIDED, *_DONE)},
        "scope": lines,
        "scope_hidden": hidden,
    }


def target_of(request: ExceptionRequest) -> dict[str, Any]:
    """What it is an exception from. A finding that retention has removed has no id any more."""
    key = request.finding_key
    finding = None
    if key is not None:
        rows = Finding.objects.filter(organization=request.organization_id, key=bytes(key))
        finding = rows.values_list("pk", flat=True).first()
    return {
        "kind": request.target_kind,
        "invariant": request.invariant.key if request.invariant else None,
        "control": request.control.control_id if request.control else None,
        "finding": finding,
        "finding_key": None if key is None else bytes(key).hex(),
    }


def _people(request: ExceptionRequest) -> list[dict[str, Any]]:
    """Everybody with a part on it, as the database keeps it, with the name that they had."""
    names: dict[int | None, str] = {request.requester_id: request.requester_name}
    # Who has a part by what others did: they were away, or put in place what this renews.
    names |= dict(request.approvals.values_list("instead_of_id", "instead_of_name"))
    line = request
    while line.renews is not None:
        line = line.renews
        names[line.implementer_id] = line.implementer_name
    rows = request.events.filter(who_kind="PERSON").order_by("number")
    names |= {int(who): name for who, name in rows.values_list("who_id", "who_name")}
    parts = request.parts.order_by("pk").values_list("person_id", "part")
    return [
        {"part": part, "person_id": person, "name": names.get(person, "")} for person, part in parts
    ]


def events_of(request: ExceptionRequest, sight: Sight) -> list[dict[str, Any]]:
    """Everything that happened, from the first event on. One query."""
    return [event_of(event, sight) for event in request.events.order_by("number")]


def event_of(event: Any, sight: Sight) -> dict[str, Any]:
    return {
        "number": event.number,
        "at": event.at,
        "verb": event.verb,
        "words": str(Verb(event.verb).label),
        "state_before": event.state_before,
        "state_after": event.state_after,
        "who_kind": event.who_kind,
        "who_id": event.who_id,
        "who_name": event.who_name,
        "via": event.via,
        "address": event.address if sight.sees_addresses else None,
        "note": event.note,
        "before": sight.told(event.before),
        "after": sight.told(event.after),
    }


def _approvals(request: ExceptionRequest) -> list[dict[str, Any]]:
    names = ("round", "seat", "person_id", "person_name", "instead_of_id", "instead_of_name")
    return _rows(request.approvals.order_by("pk"), *names, "until", "comment", "at")


def _policy_edits(request: ExceptionRequest) -> list[dict[str, Any]]:
    """The edits of policies as they were approved."""
    rows = ExceptionPolicyEdit.objects.filter(request=request).order_by("pk")
    return _rows(rows, "round", "at", "content", "why", "instead")


def _mismatches(user: AnyUser, request: ExceptionRequest) -> list[dict[str, Any]]:
    """What did not agree with AWS, and when."""
    rows = ExceptionMismatch.objects.visible_to(user).filter(exception=request).order_by("pk")
    names = ("kind", "cause", "summary", "remedy", "severity", "owner", "first_seen", "last_seen")
    return _rows(rows, *names, "ended_at", "answered_by", "answer")


def _rows(rows: Any, *names: str) -> list[dict[str, Any]]:
    found: Sequence[Mapping[str, Any]] = rows.values(*names)
    return [dict(row) for row in found]


def _text(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in a record")
