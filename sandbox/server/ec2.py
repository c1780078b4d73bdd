"""Defaults of EC2 for an account in a Region."""

from collections.abc import Mapping
from typing import Any

from sandbox.history import settings
from sandbox.moments import seconds_of
from sandbox.server.calls import Call, Handler
from sandbox.server.world import Moment


def get_ebs_encryption_by_default(call: Call, moment: Moment) -> Mapping[str, Any]:
    plan = moment.plans[call.account_id]
    is_on = settings.is_ebs_encrypted(moment.org, plan, call.region, seconds_of(moment.now))
    return {"EbsEncryptionByDefault": is_on, "SseType": "sse-ebs" if is_on else "none"}


def get_instance_metadata_defaults(call: Call, moment: Moment) -> Mapping[str, Any]:
    """Answer; an account that set nothing has an empty level, as AWS writes it."""
    plan = moment.plans[call.account_id]
    if not settings.is_imds_v2_default(moment.org, plan, call.region, seconds_of(moment.now)):
        return {"AccountLevel": {}}
    return {
        "AccountLevel": {
            "HttpTokens": "required",
            "HttpPutResponseHopLimit": 2,
            "ManagedBy": "account",
        }
    }


def describe_vpc_block_public_access_options(call: Call, moment: Moment) -> Mapping[str, Any]:
    plan = moment.plans[call.account_id]
    mode = settings.vpc_block(moment.org, plan, call.region, seconds_of(moment.now))
    return {
        "VpcBlockPublicAccessOptions": {
            "AwsAccountId": call.account_id,
            "AwsRegion": call.region,
            "State": "default-state" if mode == "off" else "update-complete",
            "InternetGatewayBlockMode": mode,
            "ManagedBy": "account",
            "ExclusionsAllowed": "allowed",
        }
    }


def get_snapshot_block_public_access_state(call: Call, moment: Moment) -> Mapping[str, Any]:
    plan = moment.plans[call.account_id]
    mode = settings.snapshot_block(moment.org, plan, call.region, seconds_of(moment.now))
    return {"State": mode, "ManagedBy": "account"}


HANDLERS: dict[str, Handler] = {
    "DescribeVpcBlockPublicAccessOptions": describe_vpc_block_public_access_options,
    "GetEbsEncryptionByDefault": get_ebs_encryption_by_default,
    "GetInstanceMetadataDefaults": get_instance_metadata_defaults,
    "GetSnapshotBlockPublicAccessState": get_snapshot_block_public_access_state,
}
