"""Whose finding it is and what tells it apart, in the words of ASFF."""

from __future__ import annotations

from hashlib import sha512
from typing import TYPE_CHECKING, Any, Final

from findings.normalise import fields, products, resources
from findings.normalise.records import Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping

PROWLER: Final = "prowler"


def finding_uid(info: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    """Return what the sender calls the finding: its ARN, where it has one.

    :raises Unreadable: nothing names it
    """
    uid = arn_of(info) or fields.text(metadata, "uid")
    if not uid:
        remedy = "Ask the product that sent the finding to set it"
        raise Unreadable("finding_info.uid", "is missing", remedy)
    return uid


def account_of(cloud: Mapping[str, Any], resource: Mapping[str, Any], uid: str) -> str:
    """Return the account that the finding is about.

    :raises Unreadable: nothing tells it
    """
    named = fields.mapping(cloud, "account").get("uid")
    owner = fields.mapping(fields.mapping(resource, "owner"), "account").get("uid")
    for account_id in (named, owner):
        if isinstance(account_id, str) and fields.is_account_id(account_id):
            return account_id
    found = fields.account_in(uid) or fields.account_in(arn_of(resource))
    if found:
        return found
    remedy = "It should be the 12 digits of an account; no ARN of the finding has one either"
    raise Unreadable("cloud.account.uid", f"{fields.quoted(named)} is no account", remedy)


def region_of(cloud: Mapping[str, Any], uid: str) -> str:
    """Return the Region where the finding was made, "" (global)."""
    return fields.region_name(fields.text(cloud, "region")) or fields.region_in(uid)


def product_arn_of(
    metadata: Mapping[str, Any], cloud: Mapping[str, Any], resource: Mapping[str, Any], region: str
) -> str:
    """Return the ARN as GetFindings has it, or the one that the product would have.

    :raises Unreadable: nothing names the product
    """
    product = fields.mapping(metadata, "product")
    uid = fields.text(product, "uid")
    if uid.startswith("arn:"):
        return products.arn_of(uid)
    name = fields.text(product, "name") or uid
    if not name:
        remedy = "Without the product there is no telling two findings apart"
        raise Unreadable("metadata.product.uid", "is missing", remedy)
    partition = fields.text(resource, "cloud_partition") or fields.text(cloud, "cloud_partition")
    return products.made_up_arn(
        vendor=fields.text(product, "vendor_name"), name=name, partition=partition, region=region
    )


def finding_id_of(
    product: str,
    uid: str,
    generator_id: str,
    account_id: str,
    region: str,
    resource: Mapping[str, Any],
) -> str:
    """The Id of ASFF: Prowler alone gives another one in OCSF, so its own rule for ASFF is applied."""
    resource_uid = fields.text(resource, "uid")
    if product != PROWLER or not (region and resource_uid) or generator_id == uid:
        return uid
    digest = sha512(resource_uid.encode("utf-8", "replace")).hexdigest()[:9]
    return f"{generator_id}-{account_id}-{region}-{digest}"


def resource_of(
    resource: Mapping[str, Any], product: str, account_id: str, region: str
) -> tuple[str, str]:
    """Return the id and the type of a resource; the account where the finding names none."""
    kind = resources.asff_type(fields.text(resource, "type"))
    named = arn_of(resource)
    # Prowler alone writes the same id in both formats, whatever it is.
    uid = (
        named
        if product == PROWLER
        else resources.asff_id(
            named,
            kind=kind,
            partition=fields.text(resource, "cloud_partition") or "aws",
            region=fields.region_name(fields.text(resource, "region")) or region,
            account_id=account_id,
        )
    )
    if not uid:
        return f"AWS::::Account:{account_id}", kind or resources.ACCOUNT_TYPE
    return uid, kind or resources.UNKNOWN_TYPE


def resource_region_of(resource: Mapping[str, Any], resource_id: str) -> str:
    """Return the Region of a resource, "" (global)."""
    named = fields.region_name(fields.text(resource, "region"))
    return named or fields.region_in(resource_id)


def arn_of(raw: Mapping[str, Any]) -> str:
    """`uid`, or `uid_alt` where only that one is an ARN."""
    uid, other = fields.text(raw, "uid"), fields.text(raw, "uid_alt")
    if other.startswith("arn:") and not uid.startswith("arn:"):
        return other
    return uid or other
