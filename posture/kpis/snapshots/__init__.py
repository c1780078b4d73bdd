"""What is frozen of a week: every number of the weekly review's page, as it stood.

Plain dataclasses, written as JSON and read back unchanged: decimals and dates are texts there, None
is null. Whoever shows a review reads these alone, so that no later change of the data reaches it.
"""

from posture.kpis.snapshots.blocks import (
    AreaEntry,
    CauseEntry,
    ChangeBlock,
    ControlEntry,
    ExceptionBlock,
    FlowWeek,
    KpiEntry,
    Limits,
    MoverEntry,
    Movers,
    NoteEntry,
    OrganizationName,
    OuEntry,
    PartEntry,
    PracticeEntry,
    ScoreBlock,
    SlaBlock,
    SlaLine,
    TierLine,
)
from posture.kpis.snapshots.codec import canonical, fingerprint, from_json, to_json
from posture.kpis.snapshots.week import VERSION, Snapshot

__all__ = [
    "VERSION",
    "AreaEntry",
    "CauseEntry",
    "ChangeBlock",
    "ControlEntry",
    "ExceptionBlock",
    "FlowWeek",
    "KpiEntry",
    "Limits",
    "MoverEntry",
    "Movers",
    "NoteEntry",
    "OrganizationName",
    "OuEntry",
    "PartEntry",
    "PracticeEntry",
    "ScoreBlock",
    "SlaBlock",
    "SlaLine",
    "Snapshot",
    "TierLine",
    "canonical",
    "fingerprint",
    "from_json",
    "to_json",
]
