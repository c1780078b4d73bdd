"""IAM Identity Center: whether the organisation has it, and with how many sets an account is entered."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from inventory.facts import Fact, Reading
from inventory.sources.service_coverage.asking import Answer, gather

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from inventory.aws import Client

_ACTIONS = (
    "sso:ListAccountsForProvisionedPermissionSet",
    "sso:ListInstances",
    "sso:ListPermissionSets",
)
# Asked in the account to which Identity Center is delegated, else in the management account.
PERMISSIONS: dict[str, tuple[str, ...]] = {
    "hub": _ACTIONS,
    "member": _ACTIONS,
    "management": _ACTIONS,
}
PAGE_SIZE = 100


def ask_identity_center(
    in_region: Callable[[str], Client],
    *,
    region: str,
    management_account_id: str,
    accounts: Collection[str],
    beat: Callable[[int], None] = lambda told: None,
) -> Answer:
    """Ask for the organisation's instance and sets (of the management account), and each account's sets.

    2 calls, and 1 for each 100 accounts of each permission set; AWS allows about 20 calls a second
    for all of them together. `in_region` makes the client of a Region: any Region lists instances,
    only an instance's own tells more. `beat` is told the number of the set that is read.
    """
    wanted = [
        (management_account_id, Fact.IDENTITY_CENTER),
        (management_account_id, Fact.PERMISSION_SETS),
        *((account_id, Fact.ASSIGNED_PERMISSION_SETS) for account_id in sorted(accounts)),
    ]
    told = _read(
        in_region,
        region=region,
        management_account_id=management_account_id,
        accounts=accounts,
        beat=beat,
    )
    return gather(told, wanted=wanted, region="", beat=lambda _: None)


def _read(
    in_region: Callable[[str], Client],
    *,
    region: str,
    management_account_id: str,
    accounts: Collection[str],
    beat: Callable[[int], None],
) -> Iterator[Reading]:
    instance = _instance(in_region(region), management_account_id)
    yield Reading(management_account_id, Fact.IDENTITY_CENTER, instance is not None)
    sets: list[str] = []
    assigned: Counter[str] = Counter()
    if instance is not None:
        client = in_region(instance.get("PrimaryRegion") or region)
        arn = instance["InstanceArn"]
        found = client.items(
            "list_permission_sets", "PermissionSets", InstanceArn=arn, MaxResults=PAGE_SIZE
        )
        sets = list(found)
        for number, permission_set in enumerate(sets, start=1):
            beat(number)
            assigned.update(_provisioned(client, arn, permission_set))
    yield Reading(management_account_id, Fact.PERMISSION_SETS, len(sets))
    for account_id in sorted({*accounts, *assigned}):
        yield Reading(account_id, Fact.ASSIGNED_PERMISSION_SETS, assigned[account_id])


def _provisioned(client: Client, instance: str, permission_set: str) -> Iterator[str]:
    """The accounts that can be entered with a set."""
    yield from client.items(
        "list_accounts_for_provisioned_permission_set",
        "AccountIds",
        InstanceArn=instance,
        PermissionSetArn=permission_set,
        MaxResults=PAGE_SIZE,
    )


def _instance(client: Client, owner_id: str) -> Mapping[str, Any] | None:
    """The organisation's instance; a member account may have one of its own, which is not it."""
    for raw in client.items(
        "list_instances", "Instances", RegionScope="ALL_REGIONS", MaxResults=PAGE_SIZE
    ):
        if raw["OwnerAccountId"] == owner_id and raw.get("Status", "ACTIVE") == "ACTIVE":
            found: Mapping[str, Any] = raw
            return found
    return None
