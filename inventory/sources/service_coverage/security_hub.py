"""AWS Security Hub CSPM: its administrator's members in a Region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inventory.aws import NotConfigured
from inventory.facts import Fact
from inventory.sources.service_coverage.asking import Service, known, left_out

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from inventory.aws import Client
    from inventory.facts import Reading

# The member role serves where another account than the hub's is the administrator.
PERMISSIONS: dict[str, tuple[str, ...]] = {
    "hub": ("securityhub:ListMembers",),
    "member": ("securityhub:ListMembers",),
}
PAGE_SIZE = 50


def read_hubs(client: Client, accounts: Collection[str]) -> Iterator[Reading]:
    """Yield whether each account has a hub that reports to the administrator's (1 call for 50 members).

    The administrator's own hub needs no question: without it AWS lists no members.

    :raises SourceError: NotConfigured where the administrator has no hub in this Region
    """
    listed = []
    try:
        for raw in client.items(
            "list_members", "Members", OnlyAssociated=True, MaxResults=PAGE_SIZE
        ):
            listed.append(raw["AccountId"])
            # AWS writes "Enabled" and "ENABLED" in different places of its reference.
            is_on = raw["MemberStatus"].upper() == "ENABLED"
            yield known(client, raw["AccountId"], Fact.SECURITY_HUB, is_on)
    except NotConfigured:
        yield known(client, client.account_id, Fact.SECURITY_HUB, False)
        raise
    yield from left_out(client, Fact.SECURITY_HUB, accounts=accounts, listed=listed)
    yield known(client, client.account_id, Fact.SECURITY_HUB, True)


SERVICE = Service(
    "AWS Security Hub",
    "securityhub",
    "securityhub.amazonaws.com",
    (Fact.SECURITY_HUB,),
    read_hubs,
)
