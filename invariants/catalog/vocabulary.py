"""The words that a catalogue file chooses from."""

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Area(StrEnum):
    """The seven security areas, as `findings.models.Area` has them; that one needs Django."""

    CULTURE = "CULTURE"
    ACCOUNT_MANAGEMENT = "ACCOUNT_MANAGEMENT"
    IDENTITY = "IDENTITY"
    DATA_PROTECTION = "DATA_PROTECTION"
    SECURE_DEPLOYMENT = "SECURE_DEPLOYMENT"
    MONITORING = "MONITORING"
    VULNERABILITY = "VULNERABILITY"


class Severity(StrEnum):
    """What it means for the organisation when the invariant does not hold."""

    CRITICAL = "CRITICAL"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


class AccountRole(StrEnum):
    """The role of the OU that an account is in, as `inventory.models.OuRole`, or the one account
    that no SCP and no RCP reaches."""

    WORKLOADS = "WORKLOADS"
    EXCEPTIONS = "EXCEPTIONS"
    ONBOARDING = "ONBOARDING"
    NURSERY = "NURSERY"
    SUSPENDED = "SUSPENDED"
    SECURITY = "SECURITY"
    INFRASTRUCTURE = "INFRASTRUCTURE"
    SANDBOX = "SANDBOX"
    POLICY_STAGING = "POLICY_STAGING"
    OTHER = "OTHER"
    MANAGEMENT = "MANAGEMENT"


class Events(StrEnum):
    """What recorded events must tell for the policy to be replayed against them."""

    MANAGEMENT = "MANAGEMENT"
    """Management events of a trail suffice."""
    DATA = "DATA"
    """Data events have to be recorded."""
    CONTEXT = "CONTEXT"
    """It reads context that CloudTrail does not record: many answers will be "unknown"."""
    NONE = "NONE"
    """It decides no request, so there is nothing to replay."""


class CarveOut(StrEnum):
    """How an exception gets into force."""

    PRINCIPAL_ARN = "PRINCIPAL_ARN"
    PRINCIPAL_TAG = "PRINCIPAL_TAG"
    RESOURCE_TAG = "RESOURCE_TAG"
    VALUE_LIST = "VALUE_LIST"
    """A list of values in the policy: Regions, accounts, buckets."""
    SERVICE_PRINCIPAL = "SERVICE_PRINCIPAL"
    """AWS services as callers, left out by the policy itself."""
    ACCOUNT_MOVE = "ACCOUNT_MOVE"
    """The account moves to an OU where the policy is not attached."""
    CHILD_POLICY = "CHILD_POLICY"
    """A management policy on the account or its OU overrides the inherited value."""
    NONE = "NONE"


SCP: Final = "SERVICE_CONTROL_POLICY"
RCP: Final = "RESOURCE_CONTROL_POLICY"
BOUNDARY: Final = "PERMISSIONS_BOUNDARY"

# Types whose policies decide requests. Every other type sets values, which accounts inherit.
AUTHORISATION_TYPES: Final = frozenset({SCP, RCP, BOUNDARY})

# The words are AWS's own (PolicyType of the Organizations API), but for the boundary, which is no
# policy of an organisation. The list is open: AWS adds types, and a type that is not here is only
# shown by its name.
TYPE_NAMES: Final = MappingProxyType(
    {
        SCP: "Service control policy",
        RCP: "Resource control policy",
        BOUNDARY: "Permissions boundary",
        "DECLARATIVE_POLICY_EC2": "Declarative policy for EC2",
        "S3_POLICY": "S3 policy",
        "SECURITYHUB_POLICY": "Security Hub policy",
        "SECURITYHUB_CSPM_POLICY": "Security Hub CSPM policy",
        "GUARDDUTY_POLICY": "GuardDuty policy",
        "INSPECTOR_POLICY": "Inspector policy",
        "BEDROCK_POLICY": "Bedrock policy",
        "AISERVICES_OPT_OUT_POLICY": "AI services opt-out policy",
        "BACKUP_POLICY": "Backup policy",
        "TAG_POLICY": "Tag policy",
        "CHATBOT_POLICY": "Chat applications policy",
        "UPGRADE_ROLLOUT_POLICY": "Upgrade rollout policy",
        "NETWORK_SECURITY_DIRECTOR_POLICY": "Network security director policy",
    }
)


def type_name(policy_type: str) -> str:
    """A policy type for people; a type that AWS has added since is shown as AWS writes it."""
    return TYPE_NAMES.get(policy_type, policy_type)
