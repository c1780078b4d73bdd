"""Defaults that EC2 keeps for an account in each Region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inventory.facts import Fact

if TYPE_CHECKING:
    from collections.abc import Callable

    from inventory.aws import Client
    from inventory.sources.account_facts.answers import Value

PERMISSIONS: dict[str, tuple[str, ...]] = {
    "member": (
        "ec2:DescribeVpcBlockPublicAccessOptions",
        "ec2:GetEbsEncryptionByDefault",
        "ec2:GetInstanceMetadataDefaults",
        "ec2:GetSnapshotBlockPublicAccessState",
    ),
}

VPC_MODES = {"off", "block-ingress", "block-bidirectional"}
SNAPSHOT_MODES = {"unblocked", "block-new-sharing", "block-all-sharing"}


def read_ebs_encryption(client: Client) -> Value:
    """Return whether new volumes are encrypted."""
    found = client.call("get_ebs_encryption_by_default").get("EbsEncryptionByDefault")
    return None if found is None else bool(found)


def read_imds_default(client: Client) -> Value:
    """Return whether new instances want session tokens; an account that never set it has no default."""
    level = client.call("get_instance_metadata_defaults").get("AccountLevel")
    return None if level is None else level.get("HttpTokens") == "required"


def read_vpc_block(client: Client) -> Value:
    """Return the mode, as AWS spells it."""
    found = client.call("describe_vpc_block_public_access_options")
    mode = (found.get("VpcBlockPublicAccessOptions") or {}).get("InternetGatewayBlockMode")
    return mode if mode in VPC_MODES else None


def read_snapshot_block(client: Client) -> Value:
    """Return the mode, as AWS spells it."""
    mode = client.call("get_snapshot_block_public_access_state").get("State")
    return mode if mode in SNAPSHOT_MODES else None


# One call each.
READERS: dict[Fact, Callable[[Client], Value]] = {
    Fact.EBS_ENCRYPTION: read_ebs_encryption,
    Fact.IMDS_V2_DEFAULT: read_imds_default,
    Fact.VPC_BLOCK_PUBLIC_ACCESS: read_vpc_block,
    Fact.SNAPSHOT_BLOCK_PUBLIC_ACCESS: read_snapshot_block,
}
