from posture.models.audit import AuditCut, AuditEntry
from posture.models.cells import Cell, CellDay, TouchedCell
from posture.models.coverage import AccountCoverage
from posture.models.groups import GroupMapping, ProviderSignIn, SeenGroup
from posture.models.history import ControlDay, OuControlDay, ScoreChange
from posture.models.kpis import Attestation, KpiAccountPoint, KpiFill, KpiPoint, Point
from posture.models.mail import Delivery, MailboxMessage, Recipient, Report, ReviewSchedule
from posture.models.notifications import (
    NotificationChannel,
    NotificationChoice,
    NotificationDelivery,
    NotificationEvent,
    NotificationSettings,
)
from posture.models.people import BreakGlassUse, Notice, Profile
from posture.models.provided import ProvidedRole, ProvidedTeam
from posture.models.reviews import (
    Erratum,
    ReviewAction,
    ReviewEvent,
    ReviewNote,
    ReviewQuestion,
    WeeklyReview,
)
from posture.models.scores import AccountDay, OuControl, OuDay, RollupState, Sums
from posture.models.token_users import TokenUser
from posture.models.tokens import ApiToken
from posture.models.webhooks import FindingNews, Webhook, WebhookDelivery, WebhookEvent

__all__ = [
    "AccountCoverage",
    "AccountDay",
    "ApiToken",
    "Attestation",
    "AuditCut",
    "AuditEntry",
    "BreakGlassUse",
    "Cell",
    "CellDay",
    "ControlDay",
    "Delivery",
    "Erratum",
    "FindingNews",
    "GroupMapping",
    "KpiAccountPoint",
    "KpiFill",
    "KpiPoint",
    "MailboxMessage",
    "Notice",
    "NotificationChannel",
    "NotificationChoice",
    "NotificationDelivery",
    "NotificationEvent",
    "NotificationSettings",
    "OuControl",
    "OuControlDay",
    "OuDay",
    "Point",
    "Profile",
    "ProvidedRole",
    "ProvidedTeam",
    "ProviderSignIn",
    "Recipient",
    "Report",
    "ReviewAction",
    "ReviewEvent",
    "ReviewNote",
    "ReviewQuestion",
    "ReviewSchedule",
    "RollupState",
    "ScoreChange",
    "SeenGroup",
    "Sums",
    "TokenUser",
    "TouchedCell",
    "Webhook",
    "WebhookDelivery",
    "WebhookEvent",
    "WeeklyReview",
]
