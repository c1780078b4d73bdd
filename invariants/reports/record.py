"""The record of an exception as PDF: what its JSON says, laid out for people who read paper."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from invariants.models.exceptions import (
    ExceptionReason,
    ExceptionTarget,
    Mechanism,
    Part,
    ScopeKind,
    Seat,
    Via,
)
from inventory.reports import typesetting

_TEMPLATE: Final = Path(__file__).parent / "record.typ"
_NONE: Final = "none"
# Of one field in one event; the JSON has it whole.
_MOST: Final = 400
_SAID: Final = (
    ("System", "system"),
    ("Business owner", "business_owner"),
    ("Data classification", "data_classification"),
    ("Ticket", "ticket"),
    ("Justification", "justification"),
    ("What compensates", "compensating"),
    ("Plan to end it", "remediation_plan"),
)


def record_pdf(record: Mapping[str, Any], *, made_at: datetime) -> bytes:
    """The same record gives the same bytes. `record` is that of queries.exceptions.record.

    :raises typesetting.Unprintable: when it cannot be typeset.
    """
    return typesetting.pdf(_TEMPLATE, _data(record), made_at=made_at)


def _data(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ref": record["ref"],
        "title": record["title"] or "without a title",
        "organization": record["organization"],
        "state": record["state_name"],
        "since": _moment(record["state_since"]),
        "is_zombie": record["is_zombie"],
        "made_at": _moment(record["made_at"]),
        "made_for": record["made_for"],
        "sha256": record["sha256"],
        "is_whole": record["is_whole"],
        "facts": _facts(record),
        "said": [(name, record[field]) for name, field in _SAID if record[field]],
        "scope": [(str(ScopeKind(one["kind"]).label), one["value"]) for one in record["scope"]],
        "scope_hidden": record["scope_hidden"],
        "people": [
            (str(Part(one["part"]).label).capitalize(), one["name"], f"{one['person_id']}")
            for one in record["people"]
        ],
        "approvals": [_approval(one) for one in record["approvals"]],
        "milestones": [
            (one["text"], one["due_on"], one["done_on"] or "open") for one in record["milestones"]
        ],
        "evidence": [
            (one["name"], f"{one['size']:,} bytes", one["person_name"], one["sha256"])
            for one in record["evidence"]
        ],
        "comments": [
            (_moment(one["at"]), one["person_name"], one["text"]) for one in record["comments"]
        ],
        "edits": _edits(record["policy_edits"]),
        "found": json.dumps(record["found"], indent=1) if record["found"] else "",
        "mismatches": [
            (one["summary"], _moment(one["first_seen"]), _moment(one["ended_at"]) or "lasts")
            for one in record["reconciliation"]
        ],
        "events": [_event(one) for one in record["events"]],
    }


def _facts(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    target = record["target"]
    named = target["invariant"] or target["control"] or _NONE
    return [
        ("From", f"{ExceptionTarget(target['kind']).label} {named}"),
        ("Severity", record["severity"].capitalize()),
        ("Reason", str(ExceptionReason(record["reason"]).label) if record["reason"] else _NONE),
        ("Mechanism", str(Mechanism(record["mechanism"]).label)),
        ("Asked for", f"{record['starts_on'] or _NONE} to {record['asked_until'] or _NONE}"),
        ("Approved until", record["until"] or "not approved"),
        ("Risk without what compensates", record["inherent_risk"].capitalize() or "not assessed"),
        ("Risk with it", record["residual_risk"].capitalize() or "not assessed"),
        ("Emergency", "yes" if record["is_emergency"] else "no"),
        ("Renews", record["renews"] or _NONE),
        ("Pull request", record["pull_request"] or _NONE),
        ("Pull request of the removal", record["removal_pull_request"] or _NONE),
        ("Found in place since", _moment(record["verified_at"]) or _NONE),
        ("Ended", _moment(record["ended_at"]) or _NONE),
        ("Seen gone", _moment(record["gone_seen_at"]) or _NONE),
    ]


def _approval(one: Mapping[str, Any]) -> tuple[str, ...]:
    instead = f", instead of {one['instead_of_name']}" if one["instead_of_name"] else ""
    return (
        str(Seat(one["seat"]).label).capitalize(),
        f"{one['person_name']}{instead}",
        one["until"],
        _moment(one["at"]),
        f"{one['round']}",
        one["comment"],
    )


def _edits(edits: list[Mapping[str, Any]] | None) -> list[tuple[str, str]]:
    """The diff that was approved; where none could be made, why."""
    return [
        (
            f"As of {_moment(one['at'])}, submission {one['round']}",
            one["content"].get("diff") or f"{one['why']} {one['instead']}".strip(),
        )
        for one in edits or ()
    ]


def _event(one: Mapping[str, Any]) -> dict[str, Any]:
    is_moved = one["state_before"] != one["state_after"]
    return {
        "number": one["number"],
        "at": _moment(one["at"]),
        "who": one["who_name"],
        "words": one["words"],
        "from": ", ".join(part for part in (str(Via(one["via"]).label), one["address"]) if part),
        "step": f"{one['state_before'] or 'none'} → {one['state_after']}" if is_moved else "",
        "note": one["note"],
        "fields": [
            (name, _shown(one["before"].get(name)), _shown(one["after"].get(name)))
            for name in sorted({*one["before"], *one["after"]})
        ],
    }


def _shown(value: Any) -> str:
    if value is None or value == "":
        return _NONE
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST else f"{text[:_MOST]}… ({len(text):,} characters)"


def _moment(text: str | None) -> str:
    if not text:
        return ""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
