"""AWS Organizations: what policies that set values come to for one account, as AWS works it out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from inventory import aws

if TYPE_CHECKING:
    from inventory.aws import Client

PERMISSIONS: dict[str, tuple[str, ...]] = {"hub": ("organizations:DescribeEffectivePolicy",)}

# No policy of the type hangs above the account.
_NOTHING: Final = "EffectivePolicyNotFoundException"


def read_effective_policy(client: Client, *, policy_type: str, account_id: str) -> dict[str, Any]:
    """Return what is in force, without operators; {} where nothing is (1 call).

    :raises SourceError: any of the family
    """
    try:
        found = client.call(
            "describe_effective_policy", PolicyType=policy_type, TargetId=account_id
        )
    except aws.SourceError as error:
        if error.code == _NOTHING:
            return {}
        raise
    text = found.get("EffectivePolicy", {}).get("PolicyContent", "")
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise client.malformed("describe_effective_policy", "The answer has no policy.")
    return value
