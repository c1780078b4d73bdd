"""Which Regions an account can use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inventory.aws import Client

# The member role serves where account management is not delegated to the hub's account.
PERMISSIONS: dict[str, tuple[str, ...]] = {
    "hub": ("account:ListRegions",),
    "member": ("account:ListRegions",),
}

# The most that ListRegions gives on a page.
PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class RegionRecord:
    """A Region; status is ENABLED, ENABLED_BY_DEFAULT, ENABLING, DISABLING or DISABLED."""

    region: str
    status: str

    @property
    def is_usable(self) -> bool:
        """Say whether API calls work there."""
        return self.status in {"ENABLED", "ENABLED_BY_DEFAULT"}


def read_regions(client: Client, *, account_id: str | None = None) -> tuple[RegionRecord, ...]:
    """Return all Regions, by name; account None = the caller's own account.

    The management account can be asked only by itself, without an account id.
    """
    params = {"AccountId": account_id} if account_id else {}
    found = client.items("list_regions", "Regions", MaxResults=PAGE_SIZE, **params)
    records = (RegionRecord(raw["RegionName"], raw["RegionOptStatus"]) for raw in found)
    return tuple(sorted(records, key=lambda record: record.region))
