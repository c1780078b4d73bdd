"""The public access block of S3 for a whole account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inventory import aws
from inventory.facts import Fact

if TYPE_CHECKING:
    from inventory.aws import Client
    from inventory.sources.account_facts.answers import Value

PERMISSIONS: dict[str, tuple[str, ...]] = {"member": ("s3:GetAccountPublicAccessBlock",)}

FACTS = (Fact.S3_BLOCK_PUBLIC_ACCESS,)
SETTINGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def read_public_access_block(client: Client, *, account_id: str) -> dict[Fact, Value]:
    """Return the four settings (1 call); an account that never set them has all four off."""
    try:
        answer = client.call("get_public_access_block", AccountId=account_id)
    except aws.SourceError as error:
        if error.code != "NoSuchPublicAccessBlockConfiguration":
            raise
        answer = {}
    found = answer.get("PublicAccessBlockConfiguration") or {}
    return {Fact.S3_BLOCK_PUBLIC_ACCESS: {name: bool(found.get(name)) for name in SETTINGS}}
