"""Amazon GuardDuty: its administrator's members and detector in a Region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inventory.facts import Fact
from inventory.sources.service_coverage.asking import Service, known, left_out, not_configured

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from inventory.aws import Client
    from inventory.facts import Reading

_ACTIONS = ("guardduty:GetDetector", "guardduty:ListDetectors", "guardduty:ListMembers")
# The member role serves where another account than the hub's is the administrator.
PERMISSIONS: dict[str, tuple[str, ...]] = {"hub": _ACTIONS, "member": _ACTIONS}
PAGE_SIZE = 50


def read_detectors(client: Client, accounts: Collection[str]) -> Iterator[Reading]:
    """Yield whether GuardDuty watches each account (2 calls, and 1 for 50 members).

    :raises SourceError: NotConfigured where the administrator has no detector in this Region: it
        has no members there then, which says nothing of the detectors that accounts have themselves
    """
    detectors = list(client.items("list_detectors", "DetectorIds", MaxResults=PAGE_SIZE))
    if not detectors:
        yield known(client, client.account_id, Fact.GUARDDUTY, False)
        detail = "GuardDuty has no detector in its administrator's account in this Region."
        raise not_configured(client, "ListDetectors", detail)
    listed = []
    for raw in client.items(
        "list_members",
        "Members",
        DetectorId=detectors[0],
        OnlyAssociated="true",
        MaxResults=PAGE_SIZE,
    ):
        listed.append(raw["AccountId"])
        # "Disabled" is a member whose detector is suspended; other words are members to be.
        is_on = raw["RelationshipStatus"] == "Enabled"
        yield known(client, raw["AccountId"], Fact.GUARDDUTY, is_on)
    yield from left_out(client, Fact.GUARDDUTY, accounts=accounts, listed=listed)
    status = client.call("get_detector", DetectorId=detectors[0])["Status"]
    yield known(client, client.account_id, Fact.GUARDDUTY, status == "ENABLED")


SERVICE = Service(
    "Amazon GuardDuty", "guardduty", "guardduty.amazonaws.com", (Fact.GUARDDUTY,), read_detectors
)
