"""The Security Hub standards and controls that the organisation knows, and when each control came and went."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.model import Control, Org, Standard
from sandbox.moments import DAY, NEVER, WEEK, datetime_of, seconds_of_day

_FILE = Path(__file__).parent.parent / "data" / "controls.csv"
_REMEDIATION = "https://docs.aws.amazon.com/console/securityhub/{}/remediation"

ACCOUNT_TYPE = "AwsAccount"

RELEASES = {
    "SSM.7": -7 * WEEK,
    "EC2.182": -23 * WEEK,
    "Athena.4": 9 * WEEK,
    "WAF.12": 20 * WEEK,
    "AppSync.5": 33 * WEEK,
    "EC2.180": 52 * WEEK,
    "Glue.4": 71 * WEEK,
}
"""Controls that AWS adds while the organisation is watched: seconds relative to the anchor day."""

DISABLED = {
    "Lambda.3": (
        -11 * WEEK + 36_000,
        "Functions call managed services only; VPC attachment is not required (RISK-212).",
    ),
    "S3.15": (
        -2 * WEEK + 41_000,
        "Object Lock is required for the log archive only, which has a rule of its own (RISK-231).",
    ),
    "EC2.16": (
        8 * WEEK + 39_000,
        "Unused network ACLs carry no traffic; the clean-up runs monthly (RISK-240).",
    ),
}
"""Control id: (seconds relative to the anchor day, reason)."""

_PARAMETERS: dict[str, dict[str, Any]] = {
    "ACM.1": {"daysToExpiration": {"ValueType": "CUSTOM", "Value": {"Integer": 45}}},
    "CloudWatch.16": {"minRetentionTime": {"ValueType": "DEFAULT", "Value": {"Integer": 365}}},
    "EC2.4": {"AllowedDays": {"ValueType": "DEFAULT", "Value": {"Integer": 30}}},
    "EC2.18": {"authorizedTcpPorts": {"ValueType": "CUSTOM", "Value": {"IntegerList": [80, 443]}}},
    "IAM.7": {
        "MinimumPasswordLength": {"ValueType": "CUSTOM", "Value": {"Integer": 14}},
        "MaxPasswordAge": {"ValueType": "DEFAULT", "Value": {"Integer": 90}},
    },
    "IAM.8": {"maxCredentialUsageAge": {"ValueType": "DEFAULT", "Value": {"Integer": 90}}},
    "RDS.11": {"backupRetentionMinimum": {"ValueType": "CUSTOM", "Value": {"Integer": 14}}},
    "SecretsManager.4": {
        "maxDaysSinceRotation": {"ValueType": "DEFAULT", "Value": {"Integer": 90}}
    },
    "S3.13": {"targetTransitionDays": {"ValueType": "DEFAULT", "Value": {"Integer": 90}}},
    "EC2.38": {
        "requiredTagKeys": {
            "ValueType": "CUSTOM",
            "Value": {"StringList": ["owner", "environment"]},
        }
    },
}

_STANDARDS = (
    (
        "standards/aws-foundational-security-best-practices/v/1.0.0",
        "AWS Foundational Security Best Practices v1.0.0",
        True,
        True,
    ),
    (
        "standards/cis-aws-foundations-benchmark/v/3.0.0",
        "CIS AWS Foundations Benchmark v3.0.0",
        False,
        True,
    ),
    ("standards/pci-dss/v/4.0.1", "PCI DSS v4.0.1", False, True),
    ("standards/nist-800-53/v/5.0.0", "NIST Special Publication 800-53 Revision 5", False, True),
    (
        "standards/aws-resource-tagging-standard/v/1.0.0",
        "AWS Resource Tagging Standard v1.0.0",
        False,
        True,
    ),
    (
        "standards/cis-aws-foundations-benchmark/v/5.0.0",
        "CIS AWS Foundations Benchmark v5.0.0",
        False,
        False,
    ),
    (
        "standards/cis-aws-foundations-benchmark/v/1.4.0",
        "CIS AWS Foundations Benchmark v1.4.0",
        False,
        False,
    ),
    (
        "ruleset/cis-aws-foundations-benchmark/v/1.2.0",
        "CIS AWS Foundations Benchmark v1.2.0",
        True,
        False,
    ),
)
"""(id, name, enabled by default, subscribed)."""

SUBSCRIBED = frozenset(
    identifier for identifier, _, _, is_subscribed in _STANDARDS if is_subscribed
)

_REQUIREMENT_NAMES = {
    "standards/cis-aws-foundations-benchmark/v/3.0.0": "CIS AWS Foundations Benchmark v3.0.0",
    "standards/pci-dss/v/4.0.1": "PCI DSS v4.0.1",
    "standards/nist-800-53/v/5.0.0": "NIST.800-53.r5",
}


@dataclass(frozen=True, slots=True)
class CatalogueControl:
    """One line of controls.csv."""

    control_id: str
    title: str
    severity: str
    resource_type: str
    config_resource_type: str
    standards: tuple[str, ...]
    area: str
    is_periodic: bool

    @property
    def is_account_level(self) -> bool:
        """Return whether it checks the account itself."""
        return self.resource_type == ACCOUNT_TYPE

    @property
    def is_administrator_only(self) -> bool:
        """Return whether AWS reports it in the delegated administrator's account only.

        Source: the GuardDuty, Inspector and Macie pages of the control reference.
        """
        service, number = self.control_id.split(".")
        return (
            service == "Inspector"
            or self.control_id == "Macie.2"
            or (service == "GuardDuty" and number != "1")
        )

    @property
    def associated(self) -> tuple[str, ...]:
        """Return the subscribed standards that contain it."""
        return tuple(standard for standard in self.standards if standard in SUBSCRIBED)

    @property
    def description(self) -> str:
        """Return a description: the title as a check."""
        return f"This control checks the following: {self.title}. It fails for a resource where this does not hold."


@cache
def all_controls() -> Mapping[str, CatalogueControl]:
    """Return the whole catalogue by control id, in its order."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        return {
            row["control_id"]: CatalogueControl(
                control_id=row["control_id"],
                title=row["title"],
                severity=row["severity"],
                resource_type=row["resource_type"],
                config_resource_type=row["config_resource_type"],
                standards=tuple(row["standards"].split(";")),
                area=row["area"],
                is_periodic=row["periodic"] == "1",
            )
            for row in csv.DictReader(file)
        }


def released_at(org: Org, control_id: str) -> int:
    """Return when AWS released the control: long ago unless the story says otherwise."""
    anchor = seconds_of_day(org.anchor)
    return anchor + RELEASES.get(control_id, -2000 * DAY)


def disabled_at(org: Org, control_id: str) -> int:
    """Return when the organisation disabled the control, or NEVER."""
    if control_id not in DISABLED:
        return NEVER
    return seconds_of_day(org.anchor) + DISABLED[control_id][0]


def controls_at(org: Org, now: int) -> tuple[Control, ...]:
    """Return the released controls with their configuration at that moment, by id."""
    known = [
        control
        for control in all_controls().values()
        if released_at(org, control.control_id) <= now
    ]
    return tuple(
        _configured(org, control, now)
        for control in sorted(known, key=lambda control: control.control_id)
    )


def _configured(org: Org, control: CatalogueControl, now: int) -> Control:
    off_at = disabled_at(org, control.control_id)
    is_off = off_at <= now
    return Control(
        control_id=control.control_id,
        title=control.title,
        description=control.description,
        severity=control.severity,
        resource_type=control.resource_type,
        config_resource_type=control.config_resource_type,
        standards=control.standards,
        area=control.area,
        is_periodic=control.is_periodic,
        status="DISABLED" if is_off else "ENABLED",
        disabled_reason=DISABLED[control.control_id][1] if is_off else "",
        status_updated_at=datetime_of(off_at if is_off else released_at(org, control.control_id)),
        update_status="UPDATING" if is_off and now < off_at + 1800 else "READY",
        remediation_url=remediation_url(control.control_id),
        parameters=_PARAMETERS.get(control.control_id, {}),
    )


def remediation_url(control_id: str) -> str:
    """Return the documentation link that AWS gives with a control."""
    return _REMEDIATION.format(control_id)


def requirements(control: CatalogueControl) -> list[str]:
    """Return the names of frameworks behind a control's subscribed standards."""
    return [
        _REQUIREMENT_NAMES[standard]
        for standard in control.associated
        if standard in _REQUIREMENT_NAMES
    ]


def standards(org: Org) -> tuple[Standard, ...]:
    """Return every standard of the home Region, subscribed ones first."""
    region, account_id = org.home_region, org.security_account_id
    return tuple(
        Standard(
            standards_arn=f"arn:aws:securityhub:::{identifier}"
            if identifier.startswith("ruleset")
            else f"arn:aws:securityhub:{region}::{identifier}",
            standards_id=identifier,
            subscription_arn=f"arn:aws:securityhub:{region}:{account_id}:subscription/{identifier.split('/', 1)[1]}",
            name=name,
            description=f"The controls of {name}.",
            enabled_by_default=by_default,
            is_subscribed=is_subscribed,
        )
        for identifier, name, by_default, is_subscribed in _STANDARDS
    )
