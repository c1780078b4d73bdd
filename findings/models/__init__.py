from findings.models.controls import CLOCK_DAYS, Area, Control, Severity, Standard
from findings.models.counts import DirtyCell, FindingCount
from findings.models.findings import (
    Episode,
    Finding,
    FindingPayload,
    QuarantinedFinding,
    SeenFinding,
    Status,
)

__all__ = [
    "CLOCK_DAYS",
    "Area",
    "Control",
    "DirtyCell",
    "Episode",
    "Finding",
    "FindingCount",
    "FindingPayload",
    "QuarantinedFinding",
    "SeenFinding",
    "Severity",
    "Standard",
    "Status",
]
