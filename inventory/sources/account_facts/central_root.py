"""Whether the organisation manages its root users centrally."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inventory import aws
from inventory.facts import Fact

if TYPE_CHECKING:
    from inventory.aws import Client
    from inventory.sources.account_facts.answers import Value

# The delegated administrator of IAM may ask, and the management account: by the role of its own that
# the settings name, else by its read role, the same as every account's.
PERMISSIONS: dict[str, tuple[str, ...]] = {
    "hub": ("iam:ListOrganizationsFeatures",),
    "member": ("iam:ListOrganizationsFeatures",),
    "management": ("iam:ListOrganizationsFeatures",),
}

FACTS = (Fact.ROOT_CENTRAL, Fact.ROOT_SESSIONS)


def read_features(client: Client) -> dict[Fact, Value]:
    """Return which of the two features are on (1 call); without trusted access of IAM both are off."""
    try:
        found = client.call("list_organizations_features").get("EnabledFeatures") or ()
    except aws.NotConfigured as error:
        if not error.code.startswith("ServiceAccessNotEnabled"):
            raise
        found = ()
    return {
        Fact.ROOT_CENTRAL: "RootCredentialsManagement" in found,
        Fact.ROOT_SESSIONS: "RootSessions" in found,
    }
