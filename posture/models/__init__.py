from posture.models.cells import Cell, CellDay, TouchedCell
from posture.models.coverage import AccountCoverage
from posture.models.history import ControlDay, OuControlDay, ScoreChange
from posture.models.kpis import Attestation, KpiAccountPoint, KpiFill, KpiPoint, Point
from posture.models.mail import Delivery, MailboxMessage, Recipient, Report, ReviewSchedule
from posture.models.reviews import (
    Erratum,
    ReviewAction,
    ReviewEvent,
    ReviewNote,
    ReviewQuestion,
    WeeklyReview,
)
from posture.models.scores import AccountDay, OuControl, OuDay, RollupState, Sums

__all__ = [
    "AccountCoverage",
    "AccountDay",
    "Attestation",
    "Cell",
    "CellDay",
    "ControlDay",
    "Delivery",
    "Erratum",
    "KpiAccountPoint",
    "KpiFill",
    "KpiPoint",
    "MailboxMessage",
    "OuControl",
    "OuControlDay",
    "OuDay",
    "Point",
    "Recipient",
    "Report",
    "ReviewAction",
    "ReviewEvent",
    "ReviewNote",
    "ReviewQuestion",
    "ReviewSchedule",
    "RollupState",
    "ScoreChange",
    "Sums",
    "TouchedCell",
    "WeeklyReview",
]
