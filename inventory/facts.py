"""What is known of accounts besides their findings: the vocabulary of AccountFact.key.

Sources collect these, KPIs read them. A fact is KNOWN with a value, DENIED with the IAM action that
was refused, or UNAVAILABLE (a Region that is off, a report that does not come). A missing row means
that nobody has asked yet; nothing but KNOWN ever counts in anybody's favour.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Fact(StrEnum):
    """Keys; the comment gives the JSON type of the value."""

    # Of the account, told by its own member role.
    ROOT_ACCESS_KEYS = "root.access_keys"  # int
    ROOT_MFA = "root.mfa"  # bool
    ROOT_PASSWORD = "root.password"  # bool; absent from older accounts' summaries: UNAVAILABLE  # noqa: S105
    IAM_USERS = "iam.users"  # int
    IAM_ROLES = "iam.roles"  # int
    IAM_PASSWORDS = "iam.passwords"  # int: users with a console password
    IAM_PASSWORDS_WITH_MFA = "iam.passwords_with_mfa"  # int
    IAM_ACCESS_KEYS = "iam.access_keys"  # int: active keys of IAM users
    IAM_ACCESS_KEYS_OLD = "iam.access_keys_old"  # int: of those, not rotated for 90 days
    S3_BLOCK_PUBLIC_ACCESS = "s3.block_public_access"  # {"BlockPublicAcls": bool, ... all four}
    # Of the account, told by Account Management in the hub's account (or the member role).
    CONTACT_SECURITY = "contact.security"  # bool: set or not, never the person's name
    CONTACT_OPERATIONS = "contact.operations"  # bool
    CONTACT_BILLING = "contact.billing"  # bool
    # Of the management account, for the whole organisation.
    ROOT_CENTRAL = "organization.root_credentials_management"  # bool
    ROOT_SESSIONS = "organization.root_sessions"  # bool
    ORGANIZATION_TRAIL = (
        "organization.trail"  # bool: an organisation trail of all Regions that logs
    )
    IDENTITY_CENTER = "identity_center.instance"  # bool
    PERMISSION_SETS = "identity_center.permission_sets"  # int
    # Of the account, told by Identity Center: with how many permission sets it can be entered.
    ASSIGNED_PERMISSION_SETS = "identity_center.assigned_permission_sets"  # int
    # Of the account in a Region, told by its own member role.
    EBS_ENCRYPTION = "ebs.encryption_by_default"  # bool
    IMDS_V2_DEFAULT = "ec2.imds_v2_default"  # bool: HttpTokens is "required"
    VPC_BLOCK_PUBLIC_ACCESS = (
        "vpc.block_public_access"  # "off" | "block-ingress" | "block-bidirectional"
    )
    SNAPSHOT_BLOCK_PUBLIC_ACCESS = "ec2.snapshot_block_public_access"  # "unblocked" | "block-new-sharing" | "block-all-sharing"
    CONFIG_RECORDER = "config.recorder"  # bool: there is one, and it is recording
    CLOUDTRAIL = "cloudtrail.trail"  # bool: a trail (of the organisation or its own) logs management events here
    # Of the account in a Region, told by the delegated administrator of the service there.
    GUARDDUTY = "guardduty.detector"  # bool
    SECURITY_HUB = "securityhub.hub"  # bool
    INSPECTOR_EC2 = "inspector.ec2"  # bool
    INSPECTOR_ECR = "inspector.ecr"  # bool
    INSPECTOR_LAMBDA = "inspector.lambda"  # bool
    MACIE = "macie.session"  # bool: Enabled; PAUSED is false
    MACIE_DISCOVERY = "macie.automated_discovery"  # bool


@dataclass(frozen=True, slots=True)
class Reading:
    """One fact as a source gives it; `region` "" is the whole account.

    `state` is KNOWN, DENIED or UNAVAILABLE; `value` is None unless KNOWN. `missing_permission` is the
    IAM action that was refused.
    """

    account_id: str
    key: Fact
    value: bool | int | str | dict[str, bool] | None = None
    region: str = ""
    state: str = "KNOWN"
    missing_permission: str = ""


# What has to be on in every enabled Region of every ACTIVE account (K22).
DETECTION: Final = (Fact.CLOUDTRAIL, Fact.CONFIG_RECORDER, Fact.GUARDDUTY, Fact.SECURITY_HUB)
