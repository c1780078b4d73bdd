"""Whether a finding says that its resource is public.

The rule: only what the finding itself says counts, and only reach from everywhere is public.

- Access Analyzer: `isPublic`; in Security Hub, where that is lost, the external principal "*".
- Security Hub and Prowler: a FAILED control that is by its nature about public access, as listed in
  findings/data/control_areas.yaml under `public_when_failed`; PASSED says that it is not public.
- Inspector: network reachability from an internet gateway; from a peered VPC or a VPN is not public.
- Macie: the bucket's effective permission, and the policy finding "bucket public".
- GuardDuty: its findings that access was granted to everybody. A public IP address of the resource
  is no exposure by itself: it says nothing about what is open behind it.
- All others say nothing: None, which is not the same as "not public".
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from findings.normalise import control_facts, fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# The last word of a finding's type: `Effects/Data Exposure/Policy:IAMUser-S3BucketPublic` in ASFF,
# `Policy:IAMUser/S3BucketPublic` in OCSF.
PUBLIC_TYPES = {
    "guardduty": frozenset(
        {
            "AnonymousAccessGranted",
            "BucketAnonymousAccessGranted",
            "BucketPublicAccessGranted",
            "ExposedDashboard",
        }
    ),
    "macie": frozenset({"S3BucketPublic"}),
}
# The products that speak of it by type, title or fields.
PRODUCTS = frozenset({*PUBLIC_TYPES, "inspector"})
_PERMISSIONS = {"PUBLIC": True, "NOT_PUBLIC": False}
_REACHABLE = re.compile(r"reachable from (?:an?|the) (.+)", re.IGNORECASE)


def of_control(control_id: str, compliance: str) -> bool | None:
    """What a check of a control says."""
    if control_id not in _controls():
        return None
    return {"FAILED": True, "PASSED": False}.get(compliance)


def of_product(
    product: str,
    *,
    title: str,
    types: Iterable[str],
    # A product's own fields: their shape is not ours to type.
    product_fields: Mapping[str, Any],
) -> bool | None:
    """What a finding of Inspector, Macie or GuardDuty says, by its type and title."""
    if product == "inspector":
        return _of_network(title, types)
    known = PUBLIC_TYPES.get(product)
    if known is None:
        return None
    if any(re.split(r"[/-]", kind)[-1] in known for kind in types):
        return True
    return _PERMISSIONS.get(fields.text(product_fields, "S3Bucket.effectivePermission"))


def _of_network(title: str, types: Iterable[str]) -> bool | None:
    if not any("network reachability" in kind.lower().replace("_", " ") for kind in types):
        return None
    found = _REACHABLE.search(title)
    return "internet" in found[1].lower() if found else None


@cache
def _controls() -> frozenset[str]:
    return frozenset(control_facts.load()["public_when_failed"])
