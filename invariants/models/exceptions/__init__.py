"""Exceptions: the request, its scope, and what is kept of its life."""

from invariants.models.exceptions.choices import (
    ExceptionReason,
    ExceptionState,
    ExceptionTarget,
    Mechanism,
    Part,
    Risk,
    ScopeKind,
    Seat,
    Verb,
    Via,
    WhoKind,
)
from invariants.models.exceptions.records import (
    ApproverAbsence,
    ExceptedFinding,
    ExceptionApproval,
    ExceptionComment,
    ExceptionEvent,
    ExceptionEvidence,
    ExceptionMilestone,
    ExceptionPart,
)
from invariants.models.exceptions.requests import ExceptionRequest, ExceptionScope

__all__ = [
    "ApproverAbsence",
    "ExceptedFinding",
    "ExceptionApproval",
    "ExceptionComment",
    "ExceptionEvent",
    "ExceptionEvidence",
    "ExceptionMilestone",
    "ExceptionPart",
    "ExceptionReason",
    "ExceptionRequest",
    "ExceptionScope",
    "ExceptionState",
    "ExceptionTarget",
    "Mechanism",
    "Part",
    "Risk",
    "ScopeKind",
    "Seat",
    "Verb",
    "Via",
    "WhoKind",
]
