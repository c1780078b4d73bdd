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
from invariants.models.exceptions.edits import ExceptionPolicyEdit
from invariants.models.exceptions.numbers import ExceptionDay, ExceptionMeasure
from invariants.models.exceptions.reconciliation import (
    ExceptionBaseline,
    ExceptionMismatch,
    ExceptionValue,
    MismatchCause,
    MismatchKind,
    MismatchOwner,
    ReconciliationRun,
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
    "ExceptionBaseline",
    "ExceptionComment",
    "ExceptionDay",
    "ExceptionEvent",
    "ExceptionEvidence",
    "ExceptionMeasure",
    "ExceptionMilestone",
    "ExceptionMismatch",
    "ExceptionPart",
    "ExceptionPolicyEdit",
    "ExceptionReason",
    "ExceptionRequest",
    "ExceptionScope",
    "ExceptionState",
    "ExceptionTarget",
    "ExceptionValue",
    "Mechanism",
    "MismatchCause",
    "MismatchKind",
    "MismatchOwner",
    "Part",
    "ReconciliationRun",
    "Risk",
    "ScopeKind",
    "Seat",
    "Verb",
    "Via",
    "WhoKind",
]
