"""Whether AWS Config records in a Region of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inventory.aws import Client

PERMISSIONS: dict[str, tuple[str, ...]] = {
    "member": ("config:DescribeConfigurationRecorderStatus",),
}


def is_recording(client: Client) -> bool:
    """Say whether a recorder of the account runs (1 call); one that another service keeps for itself is none."""
    answer = client.call("describe_configuration_recorder_status")
    found = answer.get("ConfigurationRecordersStatus")
    if found is None:
        detail = "The answer has no ConfigurationRecordersStatus."
        raise client.malformed("describe_configuration_recorder_status", detail)
    return any(raw.get("recording") and not raw.get("servicePrincipal") for raw in found)
