"""The words of an exception that are stored."""

from django.db import models


class ExceptionState(models.TextChoices):
    """Where an exception is on its way; policies.exceptions.table says how it gets from one to the next."""

    DRAFT = "DRAFT", "draft"
    SUBMITTED = "SUBMITTED", "submitted"
    TRIAGED = "TRIAGED", "triaged"
    RISK_ASSESSED = "RISK_ASSESSED", "risk assessed"
    CHANGES_REQUESTED = "CHANGES_REQUESTED", "changes requested"
    EMERGENCY = "EMERGENCY", "emergency"
    APPROVED = "APPROVED", "approved"
    IMPLEMENTING = "IMPLEMENTING", "implementing"
    ACTIVE = "ACTIVE", "active"
    EXPIRING = "EXPIRING", "expiring"
    EXPIRED = "EXPIRED", "expired"
    REVOKED = "REVOKED", "revoked"
    CLOSING = "CLOSING", "closing"
    CLOSED = "CLOSED", "closed"
    RENEWED = "RENEWED", "renewed"
    REJECTED = "REJECTED", "rejected"
    WITHDRAWN = "WITHDRAWN", "withdrawn"


class ExceptionTarget(models.TextChoices):
    INVARIANT = "INVARIANT", "invariant"
    CONTROL = "CONTROL", "control"
    FINDING = "FINDING", "finding"


class ExceptionReason(models.TextChoices):
    TECHNICAL_LIMIT = "TECHNICAL_LIMIT", "technical limit"
    VENDOR = "VENDOR", "vendor"
    MIGRATION = "MIGRATION", "migration"
    OPERATIONAL_NEED = "OPERATIONAL_NEED", "operational need"
    FALSE_POSITIVE = "FALSE_POSITIVE", "false positive"


class Mechanism(models.TextChoices):
    """How AWS is told of an exception. NONE: no policy is involved, only findings count otherwise."""

    NONE = "NONE", "no policy: only the count of findings changes"
    EXCEPTIONS_OU = "EXCEPTIONS_OU", "account moved to an OU of exceptions"
    PRINCIPAL_LIST = "PRINCIPAL_LIST", "principals named in the policy"
    TAG = "TAG", "tag on the principal or resource"
    VALUE_LIST = "VALUE_LIST", "value added to a list in the policy"
    CHILD_OVERRIDE = "CHILD_OVERRIDE", "other value in a policy further down"
    TIME_LIMIT = "TIME_LIMIT", "carve-out that ends by itself on a date"


class Risk(models.TextChoices):
    LOW = "LOW", "Low"
    MEDIUM = "MEDIUM", "Medium"
    HIGH = "HIGH", "High"
    CRITICAL = "CRITICAL", "Critical"


class ScopeKind(models.TextChoices):
    ACCOUNT = "ACCOUNT", "account"
    OU = "OU", "OU and everything below"
    REGION = "REGION", "Region"
    RESOURCE = "RESOURCE", "resource"
    TAG = "TAG", "tag of a resource"
    PATTERN = "PATTERN", "resources by pattern"
    PRINCIPAL = "PRINCIPAL", "principal"
    PRINCIPAL_TAG = "PRINCIPAL_TAG", "principals that carry the tag"
    ACTION = "ACTION", "action"
    CONTROL = "CONTROL", "control whose findings count"


class Part(models.TextChoices):
    """What a person did on a record. Nobody has two parts on one."""

    REQUESTER = "REQUESTER", "requester"
    ASSESSOR = "ASSESSOR", "assessor of the risk"
    APPROVER = "APPROVER", "approver"
    IMPLEMENTER = "IMPLEMENTER", "implementer"


class Seat(models.TextChoices):
    """Whose approval it is."""

    LEAD = "LEAD", "security lead"
    OWNER = "OWNER", "owner of the system"
    CISO = "CISO", "CISO or delegate"
    EXECUTIVE = "EXECUTIVE", "executive"
    EMERGENCY = "EMERGENCY", "grant in an emergency"


class Via(models.TextChoices):
    """From where a change came."""

    PAGE = "PAGE", "page"
    API = "API", "API"
    ADMIN = "ADMIN", "administration"
    COMMAND = "COMMAND", "command"
    TASK = "TASK", "task"


class WhoKind(models.TextChoices):
    PERSON = "PERSON", "person"
    CLOCK = "CLOCK", "clock"
    COLLECTION = "COLLECTION", "collection"


class Verb(models.TextChoices):
    """What happened. Those of the table of steps come first; the others move no state."""

    SUBMIT = "SUBMIT", "submitted"
    TRIAGE = "TRIAGE", "triaged"
    ASSESS = "ASSESS", "assessed the risk"
    REQUEST_CHANGES = "REQUEST_CHANGES", "asked for changes"
    APPROVE = "APPROVE", "approved"
    GRANT = "GRANT", "granted in an emergency"
    REJECT = "REJECT", "rejected"
    WITHDRAW = "WITHDRAW", "withdrew"
    IMPLEMENT = "IMPLEMENT", "began to put it in place"
    FIND = "FIND", "found it in place"
    LOSE = "LOSE", "no longer found it in place"
    WARN = "WARN", "saw that it ends soon"
    EXPIRE = "EXPIRE", "expired"
    REVOKE = "REVOKE", "revoked"
    REMOVE = "REMOVE", "began to remove it"
    CLOSE = "CLOSE", "found it removed"
    SUPERSEDE = "SUPERSEDE", "was followed by its renewal"
    DRAFT = "DRAFT", "drafted"
    SAVE = "SAVE", "changed the draft"
    NARROW = "NARROW", "narrowed the scope"
    RENEW = "RENEW", "asked for a renewal"
    COMMENT = "COMMENT", "commented"
    ATTACH = "ATTACH", "added evidence"
    PROGRESS = "PROGRESS", "finished a milestone"
    REMIND = "REMIND", "reminded"
    REVIEW = "REVIEW", "asked for another look"
    REVIEWED = "REVIEWED", "looked at it again"
    LINGER = "LINGER", "found it in place after its end"
