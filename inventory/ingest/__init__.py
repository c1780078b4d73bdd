"""Writes what AWS Organizations told us: one pass, one transaction, keyed by AWS's own ids.

Running it again with the same records leaves every row as it is. Rows that a complete pass does
not name any more are marked gone, never deleted: findings and history hang on them.
"""

from inventory.ingest.accounts import store_regions
from inventory.ingest.facts import store_readings
from inventory.ingest.organizations import Inventory, role_of, store_inventory
from inventory.ingest.policies import canonical_hash

__all__ = [
    "Inventory",
    "canonical_hash",
    "role_of",
    "store_inventory",
    "store_readings",
    "store_regions",
]
