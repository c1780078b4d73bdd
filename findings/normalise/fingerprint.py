"""A short hash of what matters in a finding, to tell a change from a mere second look."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SIZE = 16

# "Seen again" and nothing else: AWS moves these by itself while nothing happened.
VOLATILE = frozenset({"UpdatedAt", "LastObservedAt", "ProcessedAt", "analyzedAt", "updatedAt"})
VOLATILE_FIELDS = frozenset({"aws/guardduty/service/count", "aws/guardduty/service/eventLastSeen"})
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str).encode


def of(payload: Mapping[str, Any]) -> bytes:
    """Return SIZE bytes of SHA-256 over the canonical JSON of the meaningful fields."""
    kept = {key: value for key, value in payload.items() if key not in VOLATILE}
    fields = kept.get("ProductFields")
    if isinstance(fields, dict) and not VOLATILE_FIELDS.isdisjoint(fields):
        kept["ProductFields"] = {k: v for k, v in fields.items() if k not in VOLATILE_FIELDS}
    return hashlib.sha256(_encode(kept).encode()).digest()[:SIZE]
