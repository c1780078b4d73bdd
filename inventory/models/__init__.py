from inventory.models.access import OuAccess, Team, TeamMembership
from inventory.models.accounts import Account, AccountFact, Placement
from inventory.models.organizations import (
    DelegatedAdministrator,
    Organization,
    OrganizationalUnit,
)
from inventory.models.policies import EnabledPolicyType, OrgPolicy, PolicyAttachment
from inventory.models.runs import Collection, CollectionRun

__all__ = [
    "Account",
    "AccountFact",
    "Collection",
    "CollectionRun",
    "DelegatedAdministrator",
    "EnabledPolicyType",
    "OrgPolicy",
    "Organization",
    "OrganizationalUnit",
    "OuAccess",
    "Placement",
    "PolicyAttachment",
    "Team",
    "TeamMembership",
]
