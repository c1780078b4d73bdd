"""AWS Security Finding Format to FindingRecord."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from findings.normalise import controls, fields, fingerprint, severity
from findings.normalise.records import FindingRecord, Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

COMPLIANCES = frozenset({"PASSED", "FAILED", "WARNING", "NOT_AVAILABLE"})
WORKFLOWS = frozenset({"NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"})
RECORD_STATES = frozenset({"ACTIVE", "ARCHIVED"})

_PRODUCT = re.compile(r":product(?:v2)?/([^/]+)/(.+)")


def parse(raw: Mapping[str, Any]) -> FindingRecord:
    """Return one ASFF finding as a record; about 10 000 a second.

    :raises Unreadable: a field that we cannot do without is missing or makes no sense
    """
    finding_id = fields.needed(raw, "Id")
    product_arn = fields.needed(raw, "ProductArn")
    product = product_of(product_arn)
    generator_id = fields.text(raw, "GeneratorId")
    compliance = fields.mapping(raw, "Compliance")
    resource, resource_count = _resource(raw)
    account_id = _account(raw, finding_id, resource)
    resource_id = fields.text(resource, "Id")
    created_at, updated_at = _times(raw)
    url = fields.text(fields.mapping(fields.mapping(raw, "Remediation"), "Recommendation"), "Url")
    return FindingRecord(
        finding_id=finding_id,
        product_arn=product_arn,
        product=product,
        account_id=account_id,
        region=_region(raw, finding_id, product_arn),
        control_id=_control(raw, product, generator_id, compliance, url),
        generator_id=generator_id,
        title=fields.text(raw, "Title"),
        description=fields.text(raw, "Description"),
        severity=severity.label_of(raw),
        compliance=fields.choice(compliance, "Status", of=COMPLIANCES, default=""),
        workflow=fields.choice(
            fields.mapping(raw, "Workflow"), "Status", of=WORKFLOWS, default="NEW"
        ),
        record_state=fields.choice(raw, "RecordState", of=RECORD_STATES, default="ACTIVE"),
        resource_id=resource_id or f"AWS::::Account:{account_id}",
        resource_type=fields.text(resource, "Type") or "AwsAccount",
        resource_region=fields.text(resource, "Region") or fields.region_in(resource_id),
        resource_count=resource_count,
        standards=_standards(raw, product, generator_id, compliance),
        first_observed_at=fields.moment(raw, "FirstObservedAt"),
        created_at=created_at,
        updated_at=updated_at,
        remediation_url=url,
        is_public=_is_public(product, resource),
        note=fields.text(fields.mapping(raw, "Note"), "Text"),
        payload=raw,
        content_hash=fingerprint.of(raw),
    )


@lru_cache(maxsize=4096)
def product_of(product_arn: str) -> str:
    """Return the slug of a product: AWS's own as AWS has it, others with their company, and
    "custom" for findings that an account imported itself.

    By the ARN and never by ProductName, which AWS leaves out and renames.

    :raises Unreadable: this is no product's ARN
    """
    found = _PRODUCT.search(product_arn)
    if found is None:
        remedy = "It should look like arn:aws:securityhub:eu-west-1::product/aws/guardduty"
        raise Unreadable("ProductArn", f"{product_arn!r} names no product", remedy)
    company, product = found[1].lower(), found[2].lower().replace("/", "-")
    if company == "aws" or product.startswith(company):
        return product
    return "custom" if company.isdigit() else f"{company}-{product}"


def _account(raw: Mapping[str, Any], finding_id: str, resource: Mapping[str, Any]) -> str:
    account_id = raw.get("AwsAccountId")
    if isinstance(account_id, str) and fields.is_account_id(account_id):
        return account_id
    for arn in (finding_id, fields.text(raw, "ProductArn"), fields.text(resource, "Id")):
        found = fields.account_in(arn)
        if found:
            return found
    remedy = "It should be the 12 digits of an account; no ARN of the finding has one either"
    raise Unreadable("AwsAccountId", f"{account_id!r} is no account", remedy)


def _region(raw: Mapping[str, Any], finding_id: str, product_arn: str) -> str:
    return (
        fields.text(raw, "Region") or fields.region_in(finding_id) or fields.region_in(product_arn)
    )


def _resource(raw: Mapping[str, Any]) -> tuple[Mapping[str, Any], int]:
    resources = raw.get("Resources")
    if not isinstance(resources, list):
        return {}, 0
    known = [resource for resource in resources if isinstance(resource, dict)]
    return (known[0] if known else {}), len(known)


def _times(raw: Mapping[str, Any]) -> tuple[datetime, datetime]:
    created_at, updated_at = fields.moment(raw, "CreatedAt"), fields.moment(raw, "UpdatedAt")
    latest = updated_at or fields.moment(raw, "LastObservedAt") or created_at
    if latest is None:
        raise Unreadable("UpdatedAt", "is missing", "Nothing says when the finding was true")
    return created_at or fields.moment(raw, "FirstObservedAt") or latest, latest


def _control(
    raw: Mapping[str, Any],
    product: str,
    generator_id: str,
    compliance: Mapping[str, Any],
    url: str,
) -> str:
    if product == "access-analyzer":
        return _analyzer_control(raw)
    if product != "securityhub":
        return controls.pseudo_control(product)
    control_id = (
        fields.text(compliance, "SecurityControlId")
        or controls.control_in_generator(generator_id)
        or controls.control_in_remediation(url)
    )
    # A rule that we cannot map stays visible under its own name; no score knows it.
    return control_id or generator_id.rpartition("/")[2] or controls.pseudo_control(product)


def _analyzer_control(raw: Mapping[str, Any]) -> str:
    kind = fields.text(fields.mapping(raw, "ProductFields"), "findingType")
    # Only findings on external access come without a type.
    return f"AccessAnalyzer.{kind or 'ExternalAccess'}"


def _standards(
    raw: Mapping[str, Any],
    product: str,
    generator_id: str,
    compliance: Mapping[str, Any],
) -> tuple[str, ...]:
    if product != "securityhub":
        return ()
    associated = compliance.get("AssociatedStandards")
    if isinstance(associated, list):
        rows = (row for row in associated if isinstance(row, dict))
        return tuple(sorted({fields.text(row, "StandardsId") for row in rows} - {""}))
    product_fields = fields.mapping(raw, "ProductFields")
    arn = fields.text(product_fields, "StandardsArn") or fields.text(
        product_fields, "StandardsGuideArn"
    )
    standard = controls.standard_of(arn) or controls.standard_in_generator(generator_id)
    return (standard,) if standard else ()


def _is_public(product: str, resource: Mapping[str, Any]) -> bool | None:
    # Only Access Analyzer speaks of it; its external principal "*" is everybody.
    if product != "access-analyzer":
        return None
    other = fields.mapping(fields.mapping(resource, "Details"), "Other")
    principal = other.get("External Principal")
    return principal == "*" if principal else None
