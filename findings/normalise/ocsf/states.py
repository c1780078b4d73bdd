"""What a finding in OCSF says of its state, in the words of ASFF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from findings.normalise import fields, severity
from findings.normalise.records import Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping

SEVERITIES = {1: "INFORMATIONAL", 2: "LOW", 3: "MEDIUM", 4: "HIGH", 5: "CRITICAL", 6: "CRITICAL"}
# 5 (archived) and 6 (deleted) say nothing about what people decided; 0 and 99 say nothing at all.
WORKFLOWS = {
    0: "NEW",
    1: "NEW",
    2: "NOTIFIED",
    3: "SUPPRESSED",
    4: "RESOLVED",
    5: "NEW",
    6: "NEW",
    99: "NEW",
}
GONE = (5, 6)
CLOSE = 3
COMPLIANCES = {
    0: "NOT_AVAILABLE",
    1: "PASSED",
    2: "WARNING",
    3: "FAILED",
    99: "NOT_AVAILABLE",
}
# The captions of compliance.status, and Prowler's status_code: MANUAL asks a person to look.
CAPTIONS = {
    "PASS": "PASSED",
    "PASSED": "PASSED",
    "WARNING": "WARNING",
    "FAIL": "FAILED",
    "FAILED": "FAILED",
    "MANUAL": "NOT_AVAILABLE",
    "NOT_AVAILABLE": "NOT_AVAILABLE",
    "UNKNOWN": "NOT_AVAILABLE",
    "OTHER": "NOT_AVAILABLE",
}


def severity_of(raw: Mapping[str, Any]) -> str:
    """Return the label; the provider's own where Security Hub's says nothing."""
    for place in (raw, fields.mapping(raw, "vendor_attributes")):
        number = place.get("severity_id")
        if isinstance(number, int) and number in SEVERITIES:
            return SEVERITIES[number]
        label = fields.text(place, "severity").upper()
        if label in severity.LABELS:
            return label
    return severity.UNRATED


def workflow_of(raw: Mapping[str, Any]) -> str:
    """Return what people decided; NEW where the status says nothing of it.

    :raises Unreadable: a status that we do not know
    """
    return _known(raw, "status_id", WORKFLOWS, "NEW")


def record_state_of(raw: Mapping[str, Any]) -> str:
    """Return ACTIVE, or ARCHIVED for what was closed, archived or deleted."""
    is_gone = raw.get("activity_id") == CLOSE or raw.get("status_id") in GONE
    return "ARCHIVED" if is_gone else "ACTIVE"


def compliance_of(raw: Mapping[str, Any]) -> str:
    """Return the result of a check, "" where the finding is none.

    Prowler, which has no `compliance.status`, says it in `status_code`.

    :raises Unreadable: a result that we do not know
    """
    compliance = fields.mapping(raw, "compliance")
    caption = fields.text(compliance, "status")
    said = _captioned(caption or fields.text(raw, "status_code"))
    if compliance.get("status_id") is not None:
        known = _known(compliance, "status_id", COMPLIANCES, "")
        # The other numbers mean "see the caption".
        return said or known if known == "NOT_AVAILABLE" else known
    if caption and not said:
        remedy = f"Known are: {', '.join(sorted(CAPTIONS))}"
        raise Unreadable("compliance.status", f"{fields.quoted(caption)} is not known", remedy)
    return said


def _captioned(caption: str) -> str:
    return CAPTIONS.get(caption.upper().replace(" ", "_"), "")


def _known(raw: Mapping[str, Any], name: str, of: Mapping[int, str], default: str) -> str:
    """The meaning of a number; a number that we do not know is not guessed at."""
    number = raw.get(name)
    if number is None:
        return default
    if not isinstance(number, int) or isinstance(number, bool) or number not in of:
        known = ", ".join(map(str, sorted(of)))
        raise Unreadable(name, f"{fields.quoted(number)} is not known", f"Known are: {known}")
    return of[number]
