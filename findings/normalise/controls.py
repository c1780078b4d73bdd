"""Which control a finding is about, and of which standards that control is part."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# The longest id that the database takes.
LONGEST = 80

# Findings of other products are shown under pseudo-controls, which no score counts.
PSEUDO_CONTROLS = {
    "config": "Config.Rule",
    "guardduty": "GuardDuty.Finding",
    "health": "Health.Event",
    "inspector": "Inspector.Vulnerability",
    "macie": "Macie.Finding",
    "securityhub": "SecurityHub.Finding",
}

# Types of findings in Security Hub, their spaces left out.
_ANALYZER_TYPES = {
    "UnusedPermission": "UnusedPermission",
    "UnusedIAMRole": "UnusedIAMRole",
    "UnusedIAMUserAccessKey": "UnusedIAMUserAccessKey",
    "UnusedIAMUserPassword": "UnusedIAMUserPassword",
}

# What AWS calls otherwise today.
RENAMED = {"ELBv2.1": "ELB.1"}

# CIS 1.2.0 numbers its rules by section; findings from before 2023 carry nothing else. From
# docs.aws.amazon.com/securityhub/latest/userguide/cis-aws-foundations-benchmark.html.
CIS_1_2_0 = {
    "1.1": "CloudWatch.1",
    "1.2": "IAM.5",
    "1.3": "IAM.8",
    "1.4": "IAM.3",
    "1.5": "IAM.11",
    "1.6": "IAM.12",
    "1.7": "IAM.13",
    "1.8": "IAM.14",
    "1.9": "IAM.15",
    "1.10": "IAM.16",
    "1.11": "IAM.17",
    "1.12": "IAM.4",
    "1.13": "IAM.9",
    "1.14": "IAM.6",
    "1.16": "IAM.2",
    "1.20": "IAM.18",
    "1.22": "IAM.1",
    "2.1": "CloudTrail.1",
    "2.2": "CloudTrail.4",
    "2.3": "CloudTrail.6",
    "2.4": "CloudTrail.5",
    "2.5": "Config.1",
    "2.6": "CloudTrail.7",
    "2.7": "CloudTrail.2",
    "2.8": "KMS.4",
    "2.9": "EC2.6",
    "3.1": "CloudWatch.2",
    "3.2": "CloudWatch.3",
    "3.3": "CloudWatch.1",
    "4.1": "EC2.13",
    "4.2": "EC2.14",
    "4.3": "EC2.2",
} | {f"3.{number}": f"CloudWatch.{number}" for number in range(4, 15)}

_CONTROL = re.compile(r"(?:CT\.)?([A-Z][A-Za-z0-9]*\.\d+)")
_CIS = re.compile(r"cis-aws-foundations-benchmark/v/1\.2\.0/(?:rule/)?(\d+\.\d+)")
_REMEDIATION = re.compile(r"/securityhub/(?:CT\.)?([A-Z][A-Za-z0-9]*\.\d+)/remediation")
_IN_ID = re.compile(r":(?:subscription/)?([^:]+)/finding/[^/]+$")
_PROWLER = re.compile(r"(?:prowler-(?:aws-)?)?([a-z0-9]+(?:_[a-z0-9]+)+)(?:-\d{12}-.*)?", re.DOTALL)
_STANDARD = re.compile(r"(?:standards|ruleset)/[^/]+/v/[^/]+")
_GENERATED_STANDARD = re.compile(r"([a-z0-9-]+/v/[0-9.]+)/[^/]+")


@lru_cache(maxsize=8192)
def control_of(product: str, *, named: str, generator_id: str, url: str) -> str:
    """Return the control of a finding.

    Of Security Hub: the one it names itself, or that its generator or its remediation page names;
    a rule that none of them tells stays visible under its own name, and no score knows it. Of
    Prowler: its check, since each of them asks another question. Of any other product: one
    pseudo-control for the whole product, so that the list of controls stays one that people read.
    """
    if product == "prowler":
        return prowler_control(generator_id)
    if product != "securityhub":
        return pseudo_control(product)
    control_id = (
        named
        or control_in_generator(generator_id)
        or control_in_remediation(url)
        or generator_id.rpartition("/")[2]
    )
    return RENAMED.get(control_id, control_id)[:LONGEST] or pseudo_control(product)


@lru_cache(maxsize=4096)
def prowler_control(check: str) -> str:
    """Return the pseudo-control of a check of Prowler: `prowler-s3_bucket_public_access`, the check
    alone and the id of a finding of it give `Prowler.s3_bucket_public_access`.

    Prowler has about 600 checks for AWS, as many as Security Hub has controls. What is no check's
    name falls into `Prowler.Finding`: a file must not fill the list of controls with anything.
    """
    found = _PROWLER.fullmatch(check)
    return f"Prowler.{found[1]}"[:LONGEST] if found else "Prowler.Finding"


def analyzer_control(types: Iterable[str], kind: str = "") -> str:
    """Return the pseudo-control of a finding of Access Analyzer in Security Hub.

    By its `findingType`; findings on external access come without one, and in OCSF all do: there
    the last word of a type tells, such as "Unused Permission".
    """
    words = {name.rpartition("/")[2].replace(" ", "") for name in types}
    told = kind or next((known for word, known in _ANALYZER_TYPES.items() if word in words), "")
    return f"AccessAnalyzer.{told or 'ExternalAccess'}"[:LONGEST]


def generator_in(finding_id: str) -> str:
    """Return the GeneratorId that the id of a control finding names, or "": OCSF has no other.

    Forms: `...:security-control/X.1/finding/<uuid>`, `...:subscription/<standard>/X.1/finding/<uuid>`.
    """
    found = _IN_ID.search(finding_id)
    return found[1] if found else ""


@lru_cache(maxsize=4096)
def control_in_generator(generator_id: str) -> str:
    """Return the control that a GeneratorId of Security Hub names, or "".

    Forms: `security-control/X.1`; `<standard>/v/<version>/X.1` (also CT.X.1 of Control Tower);
    and for CIS 1.2.0 the ARN of a rule.
    """
    cis = _CIS.search(generator_id)
    if cis:
        return CIS_1_2_0.get(cis[1], "")
    found = _CONTROL.fullmatch(generator_id.rpartition("/")[2])
    return found[1] if found else ""


@lru_cache(maxsize=4096)
def control_in_remediation(url: str) -> str:
    """Return the control that a link to AWS's remediation page names, or ""."""
    found = _REMEDIATION.search(url)
    return found[1] if found else ""


@lru_cache(maxsize=1024)
def standard_of(arn: str) -> str:
    """Return a standard's id without Region: `standards/<name>/v/<version>`, or "".

    CIS 1.2.0 alone is a `ruleset/`. Takes ARNs of standards and ids of that form.
    """
    found = _STANDARD.search(arn)
    return found[0] if found else ""


@lru_cache(maxsize=4096)
def standard_in_generator(generator_id: str) -> str:
    """Return the standard that a GeneratorId of Security Hub names, or "" (consolidated)."""
    if _STANDARD.search(generator_id):
        return standard_of(generator_id)
    found = _GENERATED_STANDARD.fullmatch(generator_id)
    return f"standards/{found[1]}" if found else ""


@lru_cache(maxsize=1024)
def pseudo_control(product: str) -> str:
    """Return the pseudo-control of a product slug: `ssm-patch-manager` gives
    `SsmPatchManager.Finding`.
    """
    name = "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", product))
    return PSEUDO_CONTROLS.get(product, f"{name}.Finding")
