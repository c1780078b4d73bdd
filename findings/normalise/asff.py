"""AWS Security Finding Format to FindingRecord."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from findings.normalise import (
    controls,
    exposure,
    fields,
    fingerprint,
    products,
    resources,
    severity,
    vulnerabilities,
)
from findings.normalise.records import FindingRecord, Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

COMPLIANCES = frozenset({"PASSED", "FAILED", "WARNING", "NOT_AVAILABLE"})
WORKFLOWS = frozenset({"NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"})
RECORD_STATES = frozenset({"ACTIVE", "ARCHIVED"})


def parse(raw: Mapping[str, Any]) -> FindingRecord:
    """Return one ASFF finding as a record.

    :raises Unreadable: a field that we cannot do without is missing or makes no sense
    """
    finding_id = fields.needed(raw, "Id")
    product_arn = products.arn_of(fields.needed(raw, "ProductArn"))
    product = products.product_of(product_arn)
    generator_id = fields.text(raw, "GeneratorId")
    compliance = fields.mapping(raw, "Compliance")
    status = fields.choice(compliance, "Status", of=COMPLIANCES, default="")
    resource, resource_count = _resource(raw)
    account_id = _account(raw, finding_id, resource)
    resource_id = fields.text(resource, "Id")
    created_at, updated_at = _times(raw)
    url = fields.text(fields.mapping(fields.mapping(raw, "Remediation"), "Recommendation"), "Url")
    control_id = _control(raw, product, generator_id, compliance, url)
    title = fields.text(raw, "Title")
    return FindingRecord(
        finding_id=finding_id,
        product_arn=product_arn,
        product=product,
        account_id=account_id,
        region=_region(raw, finding_id, product_arn),
        control_id=control_id,
        generator_id=generator_id,
        title=title,
        description=fields.text(raw, "Description"),
        severity=severity.label_of(raw),
        compliance=status,
        workflow=fields.choice(
            fields.mapping(raw, "Workflow"), "Status", of=WORKFLOWS, default="NEW"
        ),
        record_state=fields.choice(raw, "RecordState", of=RECORD_STATES, default="ACTIVE"),
        resource_id=resource_id or f"AWS::::Account:{account_id}",
        resource_type=_resource_type(resource),
        resource_region=_resource_region(resource, resource_id),
        resource_count=resource_count,
        standards=_standards(raw, product, generator_id, compliance),
        first_observed_at=fields.moment(raw, "FirstObservedAt"),
        created_at=created_at,
        updated_at=updated_at,
        remediation_url=url,
        is_public=_is_public(raw, product, control_id, status, title, resource),
        note=fields.text(fields.mapping(raw, "Note"), "Text"),
        payload=raw,
        content_hash=fingerprint.of(raw),
        vulnerabilities=vulnerabilities.of_asff(raw) if raw.get("Vulnerabilities") else (),
    )


def _account(raw: Mapping[str, Any], finding_id: str, resource: Mapping[str, Any]) -> str:
    account_id = raw.get("AwsAccountId")
    if isinstance(account_id, str) and fields.is_account_id(account_id):
        return account_id
    for arn in (finding_id, fields.text(raw, "ProductArn"), fields.text(resource, "Id")):
        found = fields.account_in(arn)
        if found:
            return found
    remedy = "It should be the 12 digits of an account; no ARN of the finding has one either"
    raise Unreadable("AwsAccountId", f"{fields.quoted(account_id)} is no account", remedy)


def _region(raw: Mapping[str, Any], finding_id: str, product_arn: str) -> str:
    return (
        fields.region_name(fields.text(raw, "Region"))
        or fields.region_in(finding_id)
        or fields.region_in(product_arn)
    )


def _resource(raw: Mapping[str, Any]) -> tuple[Mapping[str, Any], int]:
    resources = raw.get("Resources")
    if not isinstance(resources, list):
        return {}, 0
    known = [resource for resource in resources if isinstance(resource, dict)]
    return (known[0] if known else {}), len(known)


def _resource_type(resource: Mapping[str, Any]) -> str:
    # Some products write CloudFormation's name even here.
    return resources.asff_type(fields.text(resource, "Type")) or resources.ACCOUNT_TYPE


def _resource_region(resource: Mapping[str, Any], resource_id: str) -> str:
    named = fields.region_name(fields.text(resource, "Region"))
    return named or fields.region_in(resource_id)


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
        kind = fields.text(fields.mapping(raw, "ProductFields"), "findingType")
        return controls.analyzer_control(fields.texts(raw, "Types"), kind)
    return controls.control_of(
        product,
        named=fields.text(compliance, "SecurityControlId"),
        generator_id=generator_id,
        url=url,
    )


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
        rows = fields.rows(compliance, "AssociatedStandards")
        return tuple(sorted({fields.text(row, "StandardsId") for row in rows} - {""}))
    product_fields = fields.mapping(raw, "ProductFields")
    arn = fields.text(product_fields, "StandardsArn") or fields.text(
        product_fields, "StandardsGuideArn"
    )
    standard = controls.standard_of(arn) or controls.standard_in_generator(generator_id)
    return (standard,) if standard else ()


def _is_public(
    raw: Mapping[str, Any],
    product: str,
    control_id: str,
    status: str,
    title: str,
    resource: Mapping[str, Any],
) -> bool | None:
    if product == "access-analyzer":
        return _is_everybody(resource)
    said = exposure.of_control(control_id, status)
    if said is not None or product not in exposure.PRODUCTS:
        return said
    return exposure.of_product(
        product,
        title=title,
        types=fields.texts(raw, "Types"),
        product_fields=fields.mapping(raw, "ProductFields"),
    )


def _is_everybody(resource: Mapping[str, Any]) -> bool | None:
    other = fields.mapping(fields.mapping(resource, "Details"), "Other")
    principal = other.get("External Principal")
    return principal == "*" if principal else None
