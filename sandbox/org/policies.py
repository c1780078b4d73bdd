"""The organisation's policies and where each is attached, as a plan with dates.

The tree has gaps on purpose: Onboarding has no Region restriction, Sandbox may create IAM users, Infrastructure and
Exceptions have no root-user denial. `require-imdsv2` drifts six weeks before the anchor day, and somebody attached
`tmp-vendor-migration` by hand.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sandbox.moments import NEVER, WEEK

_FOLDER = Path(__file__).parent.parent / "data" / "policies"

SCP = "SERVICE_CONTROL_POLICY"
RCP = "RESOURCE_CONTROL_POLICY"
EC2 = "DECLARATIVE_POLICY_EC2"
TAG = "TAG_POLICY"
BACKUP = "BACKUP_POLICY"
TYPES = (SCP, RCP, EC2, TAG, BACKUP)
EVERYWHERE = "*"


@dataclass(frozen=True, slots=True)
class Attachment:
    """One target with the time it is attached, in seconds relative to the anchor day."""

    target: str
    """OU key, "root", "account:<account key>", or `EVERYWHERE` (root, every OU, every account)."""
    since: int = -NEVER
    until: int = NEVER


@dataclass(frozen=True, slots=True)
class PolicyPlan:
    """One policy for all time. `since` is relative to the anchor day, in seconds."""

    key: str
    """Name of its content file."""
    type: str
    name: str
    description: str
    attachments: tuple[Attachment, ...]
    since: int = -NEVER
    drifts_at: int = NEVER
    """When its content becomes that of `<key>.drifted`."""
    managed_id: str = ""
    """The fixed id of an AWS managed policy."""


def _at(*targets: str) -> tuple[Attachment, ...]:
    return tuple(Attachment(target) for target in targets)


PLANS = (
    PolicyPlan(
        "full-aws-access",
        SCP,
        "FullAWSAccess",
        "Allows access to every operation",
        _at(EVERYWHERE),
        managed_id="p-FullAWSAccess",
    ),
    PolicyPlan(
        "deny-leave-organization",
        SCP,
        "deny-leave-organization",
        "Accounts stay in the organisation",
        _at("root"),
    ),
    PolicyPlan(
        "protect-security-services",
        SCP,
        "protect-security-services",
        "Detection cannot be switched off",
        _at("root"),
    ),
    PolicyPlan(
        "protect-cloudtrail",
        SCP,
        "protect-cloudtrail",
        "The organisation trail and its logs stay",
        _at("root"),
    ),
    PolicyPlan(
        "protect-platform-roles",
        SCP,
        "protect-platform-roles",
        "Platform roles are changed by the platform only",
        _at("root"),
    ),
    PolicyPlan(
        "deny-root-user",
        SCP,
        "deny-root-user",
        "The root user does nothing",
        (
            *_at("workloads", "security", "sandbox", "nursery"),
            Attachment("onboarding", since=-18 * WEEK),
        ),
    ),
    PolicyPlan(
        "restrict-regions",
        SCP,
        "restrict-regions",
        "Resources only in approved Regions",
        (
            *_at("workloads", "security", "infrastructure"),
            Attachment("nursery", since=-21 * WEEK),
            Attachment("sandbox", since=-8 * WEEK),
        ),
    ),
    PolicyPlan(
        "deny-iam-users",
        SCP,
        "deny-iam-users",
        "No long-term credentials",
        _at("production", "security", "nursery"),
    ),
    PolicyPlan(
        "deny-public-s3",
        SCP,
        "deny-public-s3",
        "S3 Block Public Access stays on",
        (
            *_at("production", "security"),
            Attachment("nonproduction", since=-15 * WEEK, until=11 * WEEK),
        ),
    ),
    PolicyPlan(
        "deny-public-sharing",
        SCP,
        "deny-public-sharing",
        "Images, snapshots and documents stay private",
        _at("production"),
    ),
    PolicyPlan(
        "require-imdsv2",
        SCP,
        "require-imdsv2",
        "Instances use IMDSv2",
        (*_at("production"), Attachment("nonproduction", since=-12 * WEEK)),
        drifts_at=-6 * WEEK + 52_000,
    ),
    PolicyPlan(
        "require-encryption",
        SCP,
        "require-encryption",
        "Volumes, databases and file systems are encrypted",
        (
            Attachment("customer"),
            Attachment("payments"),
            Attachment("data", since=-19 * WEEK, until=-10 * WEEK),
        ),
    ),
    PolicyPlan(
        "payments-boundary",
        SCP,
        "payments-boundary",
        "Cardholder data environment boundary",
        _at("payments"),
    ),
    PolicyPlan(
        "sandbox-guardrails",
        SCP,
        "sandbox-guardrails",
        "Experiments stay small and apart",
        _at("sandbox"),
    ),
    PolicyPlan("quarantine", SCP, "quarantine", "Nothing works but support", _at("suspended")),
    PolicyPlan(
        "tmp-vendor-migration",
        SCP,
        "tmp-vendor-migration",
        "",
        (Attachment("data", since=-5 * WEEK + 33_000, until=30 * WEEK),),
        since=-5 * WEEK + 32_000,
    ),
    PolicyPlan(
        "rcp-full-aws-access",
        RCP,
        "RCPFullAWSAccess",
        "Allows access to every resource",
        _at(EVERYWHERE),
        managed_id="p-RCPFullAWSAccess",
    ),
    PolicyPlan(
        "rcp-require-tls", RCP, "require-tls", "Resources answer over TLS 1.2 only", _at("root")
    ),
    PolicyPlan(
        "rcp-confused-deputy",
        RCP,
        "confused-deputy",
        "Services act for this organisation only",
        _at("workloads"),
    ),
    PolicyPlan(
        "rcp-organization-only",
        RCP,
        "organization-only",
        "Data is reached from inside the organisation",
        (
            *_at("payments"),
            Attachment("customer", since=-11 * WEEK),
            Attachment("account:log-archive"),
        ),
    ),
    PolicyPlan(
        "rcp-trusted-oidc",
        RCP,
        "trusted-oidc",
        "Only our repositories federate",
        (Attachment("workloads", since=-7 * WEEK),),
        since=-8 * WEEK,
    ),
    PolicyPlan(
        "ec2-instance-defaults",
        EC2,
        "ec2-instance-defaults",
        "IMDSv2 default and no serial console",
        (*_at("production"), Attachment("nonproduction", since=-14 * WEEK)),
    ),
    PolicyPlan(
        "ec2-sharing-blocks",
        EC2,
        "ec2-sharing-blocks",
        "Images and snapshots cannot be public",
        (Attachment("root", since=-16 * WEEK),),
    ),
    PolicyPlan(
        "ec2-vpc-block-public-access",
        EC2,
        "ec2-vpc-block-public-access",
        "No ingress from the internet",
        _at("payments", "sandbox"),
    ),
    PolicyPlan(
        "mandatory-tags", TAG, "mandatory-tags", "Tags that everything carries", _at("workloads")
    ),
    PolicyPlan(
        "production-backups",
        BACKUP,
        "production-backups",
        "Daily backups of production",
        _at("production"),
    ),
)


@cache
def content_of(key: str) -> str:
    """Return the content of a policy, compact as an API caller saves it, with its placeholders."""
    document = json.loads((_FOLDER / f"{key}.json").read_text(encoding="utf-8"))
    return json.dumps(document, separators=(",", ":"))
