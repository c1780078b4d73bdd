"""Findings of Security Hub controls, with consolidated control findings turned on."""

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox import chance
from sandbox.findings.resources import Place
from sandbox.model import Document
from sandbox.moments import iso_text

PRODUCT = "securityhub"
NORMALIZED = {"INFORMATIONAL": 0, "LOW": 1, "MEDIUM": 40, "HIGH": 70, "CRITICAL": 90}
_TYPES = ["Software and Configuration Checks/Industry and Regulatory Standards"]
_TEXT = "For information on how to correct this issue, consult the AWS Security Hub controls documentation."
_EMPTY = (
    "AWS Config evaluated your resources against the rule. The rule did not apply to the AWS resources in its scope, "
    "the specified resources were deleted, or the evaluation results were deleted."
)
_REASONS = {
    "CONFIG_EVALUATIONS_EMPTY": _EMPTY,
    "CONFIG_RETURNS_NOT_APPLICABLE": "AWS Config returned NOT_APPLICABLE for this resource.",
    "CONFIG_ACCESS_DENIED": "Security Hub could not get the evaluation: the role in use has no access to AWS Config.",
}


@dataclass(frozen=True, slots=True)
class ControlFace:
    """The parts of a finding that all findings of a control share."""

    control_id: str
    title: str
    description: str
    severity: str
    remediation_url: str
    standards: list[Document]
    requirements: list[str]


@dataclass(frozen=True, slots=True)
class Identity:
    """The parts of a finding that never change."""

    finding_id: str
    place: Place
    resources: list[Document]
    fields: dict[str, str]
    created_at: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The parts of a finding that change."""

    compliance: str
    """PASSED, FAILED, WARNING or NOT_AVAILABLE."""
    workflow: str
    is_archived: bool
    since: int
    updated_at: int
    reason: str = ""
    note: Document | None = None


_severities: dict[str, Document] = {
    label: {"Label": label, "Normalized": value, "Original": label}
    for label, value in NORMALIZED.items()
}
_quiet: dict[str, Document] = {
    label: {"Label": "INFORMATIONAL", "Normalized": 0, "Original": label} for label in NORMALIZED
}
_provided: dict[str, Document] = {
    label: {"Severity": {"Label": label, "Original": label}, "Types": _TYPES}
    for label in NORMALIZED
}


def identify(
    face: ControlFace, place: Place, resources: Sequence[Document], seed: int, created_at: int
) -> Identity:
    """Return what never changes of the finding with that seed."""
    base = f"arn:aws:securityhub:{place.region}"
    finding_id = f"{base}:{place.account_id}:security-control/{face.control_id}/finding/{chance.uuid_text(seed)}"
    rule = f"securityhub-{face.control_id.lower().replace('.', '-')}-{chance.hexadecimal(seed, 8)}"
    return Identity(
        finding_id=finding_id,
        place=place,
        resources=list(resources),
        fields={
            "RelatedAWSResources:0/name": rule,
            "RelatedAWSResources:0/type": "AWS::Config::ConfigRule",
            "aws/securityhub/ProductName": "Security Hub",
            "aws/securityhub/CompanyName": "AWS",
            "Resources:0/Id": resources[0]["Id"],
            "aws/securityhub/FindingId": f"{base}::product/aws/{PRODUCT}/{finding_id}",
        },
        created_at=created_at,
    )


def finding(face: ControlFace, identity: Identity, verdict: Verdict) -> Document:
    """Return the finding. A PASSED one is INFORMATIONAL; the rating stays in Original."""
    place = identity.place
    passed = verdict.compliance == "PASSED"
    updated = iso_text(verdict.updated_at)
    created = iso_text(identity.created_at)
    document: Document = {
        "SchemaVersion": "2018-10-08",
        "Id": identity.finding_id,
        "ProductArn": f"arn:aws:securityhub:{place.region}::product/aws/{PRODUCT}",
        "ProductName": "Security Hub",
        "CompanyName": "AWS",
        "Region": place.region,
        "GeneratorId": f"security-control/{face.control_id}",
        "AwsAccountId": place.account_id,
        "AwsAccountName": place.account_name,
        "Types": _TYPES,
        "FirstObservedAt": iso_text(verdict.since),
        "LastObservedAt": updated,
        "CreatedAt": created,
        "UpdatedAt": updated,
        "ProcessedAt": updated,
        "Severity": (_quiet if passed else _severities)[face.severity],
        "Title": face.title,
        "Description": face.description,
        "Remediation": {"Recommendation": {"Text": _TEXT, "Url": face.remediation_url}},
        "ProductFields": identity.fields,
        "Resources": identity.resources,
        "Compliance": _compliance(face, verdict),
        "WorkflowState": "RESOLVED" if verdict.workflow == "RESOLVED" else "NEW",
        "Workflow": {"Status": verdict.workflow},
        "RecordState": "ARCHIVED" if verdict.is_archived else "ACTIVE",
        "FindingProviderFields": _provided[face.severity],
    }
    if verdict.note:
        document["Note"] = verdict.note
    return document


def _compliance(face: ControlFace, verdict: Verdict) -> Document:
    compliance: Document = {
        "Status": verdict.compliance,
        "SecurityControlId": face.control_id,
        "AssociatedStandards": face.standards,
    }
    if face.requirements:
        compliance["RelatedRequirements"] = face.requirements
    if verdict.reason:
        compliance["StatusReasons"] = [
            {"ReasonCode": verdict.reason, "Description": _REASONS[verdict.reason]}
        ]
    return compliance
