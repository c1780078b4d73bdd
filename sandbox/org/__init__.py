"""The organisation of Halden Group: what never changes about it, from a seed and a size."""

from datetime import date

from sandbox import chance
from sandbox.model import Org
from sandbox.org import tree

REGIONS = ("eu-west-1", "eu-central-1", "eu-west-2", "us-east-1", "eu-south-2")
"""Regions the organisation works in, home Region first. eu-south-2 is opt-in, the others are on by default."""


def account_id_of(seed: int, key: str) -> str:
    """Return the 12-digit id of the account with that key."""
    return f"{100_000_000_000 + chance.seed_of(seed, 'account', key) % 899_999_999_999:012}"


def build(*, seed: int = 7, accounts: int = 60, findings: int | None = None, anchor: date) -> Org:
    """Return the organisation with about so many accounts and findings on the anchor day (install day).

    :raises ValueError: when fewer than 20 accounts are asked for, or a negative number of findings.
    """
    if accounts < 20 or (findings is not None and findings < 0):
        raise ValueError("at least 20 accounts, and no negative number of findings")
    management_id = account_id_of(seed, "management")
    organization_id = f"o-{chance.letters(chance.seed_of(seed, 'organization'), 10)}"
    root_id = f"r-{chance.letters(chance.seed_of(seed, 'root'), 4)}"
    return Org(
        seed=seed,
        size=accounts,
        findings=findings,
        anchor=anchor,
        name="Halden Group",
        organization_id=organization_id,
        arn=f"arn:aws:organizations::{management_id}:organization/{organization_id}",
        root_id=root_id,
        root_arn=f"arn:aws:organizations::{management_id}:root/{organization_id}/{root_id}",
        management_account_id=management_id,
        security_account_id=account_id_of(seed, "security-tooling"),
        home_region=REGIONS[0],
        regions=REGIONS,
        ous=tree.build(
            seed=seed, organization_id=organization_id, root_id=root_id, management_id=management_id
        ),
    )
