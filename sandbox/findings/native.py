"""The frame that findings of products other than Security Hub controls share."""

from dataclasses import dataclass

from sandbox.findings.control_checks import NORMALIZED
from sandbox.findings.resources import Place
from sandbox.model import Document
from sandbox.moments import iso_text


@dataclass(frozen=True, slots=True)
class Life:
    """When a finding came, was seen and updated last, and how it stands."""

    created_at: int
    updated_at: int
    workflow: str = "NEW"
    is_archived: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """What a product says about itself and one of its findings."""

    product: str
    """Last part of the ProductArn."""
    product_name: str
    company: str
    finding_id: str
    generator_id: str
    types: list[str]
    severity: str
    title: str
    description: str
    original: str = ""
    """The product's own severity value, when it has one."""


def document(
    frame: Frame, place: Place, life: Life, resource: Document, fields: dict[str, str]
) -> Document:
    """Return the finding without the parts that only its product has."""
    arn = f"arn:aws:securityhub:{place.region}::product/aws/{frame.product}"
    severity: Document = {"Label": frame.severity, "Normalized": NORMALIZED[frame.severity]}
    provided: Document = {"Label": frame.severity}
    if frame.original:
        severity["Product"] = float(frame.original)
        severity["Original"] = provided["Original"] = frame.original
    return {
        "SchemaVersion": "2018-10-08",
        "Id": frame.finding_id,
        "ProductArn": arn,
        "ProductName": frame.product_name,
        "CompanyName": frame.company,
        "Region": place.region,
        "GeneratorId": frame.generator_id,
        "AwsAccountId": place.account_id,
        "AwsAccountName": place.account_name,
        "Types": frame.types,
        "FirstObservedAt": iso_text(life.created_at),
        "LastObservedAt": iso_text(life.updated_at),
        "CreatedAt": iso_text(life.created_at),
        "UpdatedAt": iso_text(life.updated_at),
        "ProcessedAt": iso_text(life.updated_at),
        "Severity": severity,
        "Title": frame.title,
        "Description": frame.description,
        "ProductFields": {
            **fields,
            "aws/securityhub/FindingId": f"{arn}/{frame.finding_id}",
            "aws/securityhub/ProductName": frame.product_name,
            "aws/securityhub/CompanyName": frame.company,
        },
        "Resources": [resource],
        "WorkflowState": "RESOLVED" if life.workflow == "RESOLVED" else "NEW",
        "Workflow": {"Status": life.workflow},
        "RecordState": "ARCHIVED" if life.is_archived else "ACTIVE",
        "FindingProviderFields": {"Severity": provided, "Types": frame.types},
    }
