"""Which product reported a finding, told by its ARN and never by a name, which AWS renames."""

from __future__ import annotations

import re
from functools import lru_cache

from findings.normalise.records import Unreadable

# The longest slug that the database takes.
LONGEST = 60

_PRODUCT = re.compile(r":product/([^/]+)/(.+)", re.DOTALL)
_EXAMPLE = "It should look like arn:aws:securityhub:eu-west-1::product/aws/guardduty"


@lru_cache(maxsize=4096)
def arn_of(product_arn: str) -> str:
    """Return the ARN as GetFindings has it: GetFindingsV2 says `productv2` for the same product."""
    return product_arn.replace(":productv2/", ":product/", 1)


@lru_cache(maxsize=4096)
def product_of(product_arn: str) -> str:
    """Return the slug of a product: AWS's own as AWS has it, others with their company, and
    "custom" for findings that an account imported itself.

    :raises Unreadable: this is no product's ARN
    """
    found = _PRODUCT.search(arn_of(product_arn))
    if found is None:
        raise Unreadable("ProductArn", f"{product_arn[:200]!r} names no product", _EXAMPLE)
    company, product = found[1].lower(), found[2].lower().replace("/", "-")
    if company == "aws" or product.startswith(company):
        return product[:LONGEST]
    return "custom" if company.isdigit() else f"{company}-{product}"[:LONGEST]


@lru_cache(maxsize=1024)
def made_up_arn(*, vendor: str, name: str, partition: str, region: str) -> str:
    """Return the ARN that a product would have in Security Hub, for files that have none.

    With it Prowler's OCSF is of the same product as its ASFF.
    """
    company, product = _slug(vendor) or _slug(name), _slug(name)
    company = "aws" if company in {"amazon", "amazonwebservices"} else company
    return f"arn:{partition or 'aws'}:securityhub:{region}::product/{company}/{product}"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9-]+", "", name.lower())
