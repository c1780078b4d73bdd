"""Whether the alternate contacts of an account are set. Who they are is not kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inventory import aws
from inventory.facts import Fact

if TYPE_CHECKING:
    from inventory.aws import Client

# The member role serves where account management is not delegated to the hub's account.
PERMISSIONS: dict[str, tuple[str, ...]] = {
    "hub": ("account:GetAlternateContact",),
    "member": ("account:GetAlternateContact",),
}

KINDS = {
    Fact.CONTACT_SECURITY: "SECURITY",
    Fact.CONTACT_OPERATIONS: "OPERATIONS",
    Fact.CONTACT_BILLING: "BILLING",
}


def is_set(client: Client, fact: Fact, *, account_id: str | None = None) -> bool:
    """Say whether the contact is set (1 call); account None = the caller's own.

    The management account can be asked only by itself, without an account id.
    """
    params = {"AccountId": account_id} if account_id else {}
    try:
        client.call("get_alternate_contact", AlternateContactType=KINDS[fact], **params)
    except aws.NotConfigured as error:
        if not error.code.startswith("ResourceNotFound"):
            raise
        return False
    return True
