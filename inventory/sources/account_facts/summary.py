"""IAM's own summary of an account: the root user's credentials, and how many users and roles there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inventory.facts import Fact

if TYPE_CHECKING:
    from inventory.aws import Client
    from inventory.sources.account_facts.answers import Value

PERMISSIONS: dict[str, tuple[str, ...]] = {"member": ("iam:GetAccountSummary",)}

FACTS = (
    Fact.ROOT_ACCESS_KEYS,
    Fact.ROOT_MFA,
    Fact.ROOT_PASSWORD,
    Fact.IAM_USERS,
    Fact.IAM_ROLES,
)


def read_summary(client: Client) -> dict[Fact, Value]:
    """Return what the summary says (1 call); what it leaves out is None.

    With root credentials removed centrally there is no password and no MFA: MFA off is no failure then.
    """
    found = client.call("get_account_summary").get("SummaryMap") or {}
    mfa, password = found.get("AccountMFAEnabled"), found.get("AccountPasswordPresent")
    return {
        Fact.ROOT_ACCESS_KEYS: found.get("AccountAccessKeysPresent"),
        Fact.ROOT_MFA: None if mfa is None else bool(mfa),
        Fact.ROOT_PASSWORD: None if password is None else bool(password),
        Fact.IAM_USERS: found.get("Users"),
        Fact.IAM_ROLES: found.get("Roles"),
    }
