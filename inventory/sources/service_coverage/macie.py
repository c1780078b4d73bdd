"""Amazon Macie: its administrator's members, and automated sensitive data discovery, in a Region."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from inventory.aws import Denied, NotConfigured
from inventory.facts import Fact
from inventory.sources.service_coverage.asking import Service, known, left_out, not_configured

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from inventory.aws import Client
    from inventory.facts import Reading

_ACTIONS = (
    "macie2:GetAutomatedDiscoveryConfiguration",
    "macie2:GetMacieSession",
    "macie2:ListAutomatedDiscoveryAccounts",
    "macie2:ListMembers",
)
# The member role serves where another account than the hub's is the administrator.
PERMISSIONS: dict[str, tuple[str, ...]] = {"hub": _ACTIONS, "member": _ACTIONS}
PAGE_SIZE = 25


def read_sessions(client: Client, accounts: Collection[str]) -> Iterator[Reading]:
    """Yield whether Macie and its automated discovery are on in each account.

    2 calls, 1 for 25 members, and 1 for 25 accounts where discovery is on at all.

    :raises SourceError: NotConfigured where the administrator has Macie off in this Region
    """
    try:
        with _enabled(client):
            yield from _members(client, accounts)
            session = client.call("get_macie_session")
    except NotConfigured:
        for fact in (Fact.MACIE, Fact.MACIE_DISCOVERY):
            yield known(client, client.account_id, fact, False)
        raise
    yield known(client, client.account_id, Fact.MACIE, session["status"] == "ENABLED")
    yield from _discovery(client, accounts)


@contextmanager
def _enabled(client: Client) -> Iterator[None]:
    """Tell Macie's "not enabled" from a refusal: AWS answers both with AccessDeniedException."""
    try:
        yield
    except Denied as error:
        if "macie is not enabled" not in error.detail.lower():
            raise
        detail = "Macie is not enabled in its administrator's account in this Region."
        raise not_configured(client, error.operation, detail) from error


def _members(client: Client, accounts: Collection[str]) -> Iterator[Reading]:
    listed = []
    for raw in client.items("list_members", "members", onlyAssociated="true", maxResults=PAGE_SIZE):
        listed.append(raw["accountId"])
        # "Paused" is Macie suspended: it analyses nothing.
        is_on = raw["relationshipStatus"] == "Enabled"
        yield known(client, raw["accountId"], Fact.MACIE, is_on)
    yield from left_out(client, Fact.MACIE, accounts=accounts, listed=listed)


def _discovery(client: Client, accounts: Collection[str]) -> Iterator[Reading]:
    fact = Fact.MACIE_DISCOVERY
    status = client.call("get_automated_discovery_configuration")["status"]
    listed = []
    if status == "ENABLED":
        for raw in client.items("list_automated_discovery_accounts", "items", maxResults=PAGE_SIZE):
            listed.append(raw["accountId"])
            yield known(client, raw["accountId"], fact, raw["status"] == "ENABLED")
    yield from left_out(client, fact, accounts=accounts, listed=listed)
    if client.account_id not in listed:
        yield known(client, client.account_id, fact, False)


SERVICE = Service(
    "Amazon Macie",
    "macie2",
    "macie.amazonaws.com",
    (Fact.MACIE, Fact.MACIE_DISCOVERY),
    read_sessions,
)
