"""A finding in OCSF 1.6, as Security Hub's V2 operations give it, told from its ASFF form."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.model import Document

_CLASSES = {
    "compliance": (2003, "Compliance Finding"),
    "inspector": (2002, "Vulnerability Finding"),
    "macie": (2006, "Data Security Finding"),
}
_DETECTION = (2004, "Detection Finding")
_SEVERITY_IDS = {"INFORMATIONAL": 1, "LOW": 2, "MEDIUM": 3, "HIGH": 4, "CRITICAL": 5}
_COMPLIANCE = {
    "PASSED": (1, "Pass"),
    "WARNING": (2, "Warning"),
    "FAILED": (3, "Fail"),
    "NOT_AVAILABLE": (0, "Unknown"),
}
_STATUS = {
    "NEW": (1, "New"),
    "NOTIFIED": (2, "In Progress"),
    "SUPPRESSED": (3, "Suppressed"),
    "RESOLVED": (4, "Resolved"),
}
_ARCHIVED = (5, "Archived")
_ACTIVITY = {"create": (1, "Create"), "update": (2, "Update"), "close": (3, "Close")}


def to_ocsf(finding: Document, resource_types: Mapping[str, str]) -> Document:
    """Write a finding in OCSF.

    `resource_types`: CloudFormation type names by ASFF type name; a type that is not there is written "Other".
    """
    class_uid, class_name = _class_of(finding)
    activity_id, activity = _activity(finding)
    archived = finding.get("RecordState") == "ARCHIVED"
    workflow = finding.get("Workflow", {}).get("Status", "NEW")
    status_id, status = _ARCHIVED if archived else _STATUS[workflow]
    label = finding.get("Severity", {}).get("Label", "INFORMATIONAL")
    provider = finding.get("FindingProviderFields", {}).get("Severity", {}).get("Label", label)
    document = {
        "activity_id": activity_id,
        "activity_name": activity,
        "category_name": "Findings",
        "category_uid": 2,
        "class_name": class_name,
        "class_uid": class_uid,
        "cloud": _cloud(finding),
        "finding_info": _finding_info(finding),
        "metadata": _metadata(finding),
        "resources": [_resource(item, finding, resource_types) for item in finding["Resources"]],
        "severity": label.capitalize(),
        "severity_id": _SEVERITY_IDS[label],
        "status": status,
        "status_id": status_id,
        **_moment("time", finding["UpdatedAt"]),
        "type_name": f"{class_name}: {activity}",
        "type_uid": class_uid * 100 + activity_id,
        "vendor_attributes": {
            "severity": provider.capitalize(),
            "severity_id": _SEVERITY_IDS[provider],
        },
    }
    return {**document, **_parts(finding)}


def _class_of(finding: Document) -> tuple[int, str]:
    if finding.get("Compliance", {}).get("Status"):
        return _CLASSES["compliance"]
    return _CLASSES.get(finding["ProductArn"].rpartition("/")[2], _DETECTION)


def _activity(finding: Document) -> tuple[int, str]:
    if finding.get("RecordState") == "ARCHIVED":
        return _ACTIVITY["close"]
    is_new = finding["CreatedAt"] == finding["UpdatedAt"]
    return _ACTIVITY["create" if is_new else "update"]


def _moment(name: str, text: str) -> Document:
    """Both forms of one moment: epoch milliseconds, and `<name>_dt`."""
    return {name: int(datetime.fromisoformat(text).timestamp() * 1000), f"{name}_dt": text}


def _cloud(finding: Document) -> Document:
    account = {"uid": finding["AwsAccountId"], "type": "AWS Account", "type_id": 10}
    if finding.get("AwsAccountName"):
        account["name"] = finding["AwsAccountName"]
    return {
        "account": account,
        "cloud_partition": "aws",
        "provider": "AWS",
        "region": finding.get("Region", finding["ProductArn"].split(":")[3]),
    }


def _finding_info(finding: Document) -> Document:
    first: str = finding.get("FirstObservedAt") or finding["CreatedAt"]
    last: str = finding.get("LastObservedAt") or finding["UpdatedAt"]
    return {
        **_moment("created_time", finding["CreatedAt"]),
        **_moment("first_seen_time", first),
        **_moment("last_seen_time", last),
        **_moment("modified_time", finding["UpdatedAt"]),
        "desc": finding["Description"],
        "title": finding["Title"],
        "types": list(finding.get("Types", [])),
        "uid": finding["Id"],
    }


def metadata_uid(finding: Document) -> str:
    """Give the id that is the finding's own among all findings of AWS."""
    return hashlib.sha256(f"{finding['ProductArn']}/{finding['Id']}".encode()).hexdigest()


def _metadata(finding: Document) -> Document:
    region, name = finding["ProductArn"].split(":")[3], finding["ProductArn"].rpartition("/")[2]
    product = {
        "name": finding.get("ProductName", name),
        "uid": f"arn:aws:securityhub:{region}::productv2/aws/{name}",
        "vendor_name": "AWS",
    }
    return {
        "product": product,
        "profiles": ["cloud", "datetime"],
        "uid": metadata_uid(finding),
        "version": "1.6.0",
    }


def _names(item: Document) -> Document:
    """Name a resource: by the ARN where that is its id, an account by its number, an instance by both."""
    text: str = item["Id"]
    if item["Type"] == "AwsAccount":
        return {"uid": text.rpartition(":")[2]}
    if item["Type"] == "AwsEc2Instance" and text.startswith("arn:"):
        short = text.rpartition("/")[2]
        return {"name": short, "uid": short, "uid_alt": text}
    return {"uid": text}


def _resource(item: Document, finding: Document, resource_types: Mapping[str, str]) -> Document:
    resource = {
        "cloud_partition": item.get("Partition", "aws"),
        "owner": {"account": {"uid": finding["AwsAccountId"]}},
        "region": item.get("Region", finding.get("Region", "")),
        "type": resource_types.get(item["Type"], "Other"),
        **_names(item),
    }
    if item.get("Tags"):
        tags = [{"name": name, "value": value} for name, value in item["Tags"].items()]
        resource["tags"] = tags
    return resource


def _parts(finding: Document) -> Document:
    """What only some findings have: compliance, comment, remediation, vulnerabilities."""
    parts: Document = {}
    compliance: Mapping[str, Any] = finding.get("Compliance", {})
    if compliance.get("Status"):
        status_id, status = _COMPLIANCE[compliance["Status"]]
        standards = [item["StandardsId"] for item in compliance.get("AssociatedStandards", [])]
        reasons = compliance.get("StatusReasons", [])
        control = compliance.get("SecurityControlId")
        parts["compliance"] = {
            **({"control": control} if control else {}),
            "standards": standards,
            "requirements": list(compliance.get("RelatedRequirements", [])),
            "status": status,
            "status_id": status_id,
            "assessments": [
                {
                    "name": reason["ReasonCode"],
                    "desc": reason.get("Description", ""),
                    "meets_criteria": status_id == 1,
                }
                for reason in reasons
            ],
        }
    if finding.get("Note", {}).get("Text"):
        parts["comment"] = finding["Note"]["Text"]
    advice = finding.get("Remediation", {}).get("Recommendation", {})
    if advice:
        references = [advice["Url"]] if advice.get("Url") else []
        parts["remediation"] = {"desc": advice.get("Text", ""), "references": references}
    if finding.get("Vulnerabilities"):
        parts["vulnerabilities"] = [_vulnerability(item) for item in finding["Vulnerabilities"]]
    return parts


def _vulnerability(item: Document) -> Document:
    packages = [
        {"name": package.get("Name", ""), "version": package.get("Version", "")}
        for package in item.get("VulnerablePackages", [])
    ]
    return {
        "cve": {"uid": item["Id"]},
        "affected_packages": packages,
        "is_fix_available": item.get("FixAvailable") == "YES",
        "is_exploit_available": item.get("ExploitAvailable") == "YES",
    }
