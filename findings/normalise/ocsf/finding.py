"""One finding in OCSF to one record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from findings.normalise import controls, exposure, fields, fingerprint, products, vulnerabilities
from findings.normalise.ocsf import identity, states
from findings.normalise.records import FindingRecord, Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

# Findings category: security, vulnerability, compliance, detection, data security, application.
CLASSES = frozenset({2001, 2002, 2003, 2004, 2006, 2007})


def parse(raw: Mapping[str, Any]) -> FindingRecord:
    """Return one OCSF finding as a record.

    :raises Unreadable: a field that we cannot do without is missing or makes no sense
    """
    _check_class(raw)
    info, metadata = fields.mapping(raw, "finding_info"), fields.mapping(raw, "metadata")
    cloud, compliance = fields.mapping(raw, "cloud"), fields.mapping(raw, "compliance")
    rows = fields.rows(raw, "resources")
    first: Mapping[str, Any] = rows[0] if rows else {}
    uid = identity.finding_uid(info, metadata)
    account_id = identity.account_of(cloud, first, uid)
    region = identity.region_of(cloud, uid)
    product_arn = identity.product_arn_of(metadata, cloud, first, region)
    product = products.product_of(product_arn)
    resource_id, resource_type = identity.resource_of(first, product, account_id, region)
    generator_id = _generator(product, uid, info, metadata)
    url = _url(raw)
    status = states.compliance_of(raw)
    control_id = _control(product, compliance, generator_id, url, info)
    created_at, updated_at = _times(raw, info)
    title = fields.text(info, "title")
    return FindingRecord(
        finding_id=identity.finding_id_of(product, uid, generator_id, account_id, region, first),
        product_arn=product_arn,
        product=product,
        account_id=account_id,
        region=region,
        control_id=control_id,
        generator_id=generator_id,
        title=title,
        description=fields.text(info, "desc") or fields.text(raw, "message"),
        severity=states.severity_of(raw),
        compliance=status,
        workflow=states.workflow_of(raw),
        record_state=states.record_state_of(raw),
        resource_id=resource_id,
        resource_type=resource_type,
        resource_region=identity.resource_region_of(first, resource_id),
        resource_count=len(rows),
        standards=_standards(product, compliance),
        first_observed_at=fields.twin_moment(info, "first_seen_time"),
        created_at=created_at,
        updated_at=updated_at,
        remediation_url=url,
        is_public=_is_public(product, control_id, status, title, info),
        note=fields.text(raw, "comment"),
        payload=raw,
        content_hash=fingerprint.of(raw),
        vulnerabilities=vulnerabilities.of_ocsf(raw) if raw.get("vulnerabilities") else (),
    )


def _check_class(raw: Mapping[str, Any]) -> None:
    class_uid = raw.get("class_uid")
    if class_uid is not None and not (isinstance(class_uid, int) and class_uid in CLASSES):
        remedy = f"Findings have one of: {', '.join(map(str, sorted(CLASSES)))}"
        raise Unreadable("class_uid", f"{fields.quoted(class_uid)} is no class of findings", remedy)


def _generator(product: str, uid: str, info: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    if product == identity.PROWLER:
        code = fields.text(metadata, "event_code")
        return f"prowler-{code}" if code else uid
    if product == "securityhub":
        return controls.generator_in(uid)
    return fields.text(fields.mapping(info, "analytic"), "uid")


def _control(
    product: str,
    compliance: Mapping[str, Any],
    generator_id: str,
    url: str,
    info: Mapping[str, Any],
) -> str:
    if product == "access-analyzer":
        return controls.analyzer_control(fields.texts(info, "types"))
    return controls.control_of(
        product,
        named=fields.text(compliance, "control"),
        generator_id=generator_id,
        url=url,
    )


def _standards(product: str, compliance: Mapping[str, Any]) -> tuple[str, ...]:
    if product != "securityhub":
        return ()
    return tuple(sorted(set(fields.texts(compliance, "standards")) - {""}))


def _url(raw: Mapping[str, Any]) -> str:
    # Prowler mixes shell commands with addresses.
    references = fields.texts(fields.mapping(raw, "remediation"), "references")
    found = (text for text in references if text.startswith(("https://", "http://")))
    return fields.text({"url": next(found, "")}, "url")


def _times(raw: Mapping[str, Any], info: Mapping[str, Any]) -> tuple[datetime, datetime]:
    created_at = fields.twin_moment(info, "created_time")
    latest = (
        fields.twin_moment(info, "modified_time")
        or fields.twin_moment(raw, "time")
        or fields.twin_moment(info, "last_seen_time")
        or created_at
    )
    if latest is None:
        raise Unreadable(
            "finding_info.modified_time", "is missing", "Nothing says when the finding was true"
        )
    return created_at or fields.twin_moment(info, "first_seen_time") or latest, latest


def _is_public(
    product: str, control_id: str, status: str, title: str, info: Mapping[str, Any]
) -> bool | None:
    said = exposure.of_control(control_id, status)
    if said is not None:
        return said
    types = fields.texts(info, "types")
    return exposure.of_product(product, title=title, types=types, product_fields={})
