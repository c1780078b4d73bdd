"""A short hash of what matters in a finding, to tell a change from a mere second look."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import orjson

from findings.normalise.records import Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping

SIZE = 16

# "Seen again" and nothing else: the sender moves these by itself while nothing happened.
VOLATILE = frozenset({"UpdatedAt", "LastObservedAt", "ProcessedAt", "analyzedAt", "updatedAt"})
VOLATILE_FIELDS = frozenset({"aws/guardduty/service/count", "aws/guardduty/service/eventLastSeen"})

# Of OCSF; that a finding was created and then updated is no change, that it was closed is one.
_CLOSE = 3


def _twins(*names: str) -> frozenset[str]:
    return frozenset(name + end for name in names for end in ("", "_dt"))


VOLATILE_IN_OCSF = _twins("time") | {
    "activity_id",
    "activity_name",
    "count",
    "type_name",
    "type_uid",
}
VOLATILE_INSIDE = {
    "finding_info": _twins("modified_time", "last_seen_time"),
    "metadata": _twins("modified_time", "processed_time", "logged_time") | {"sequence"},
}


def of(payload: Mapping[str, Any]) -> bytes:
    """Return SIZE bytes of SHA-256 over the canonical JSON of the meaningful fields.

    :raises Unreadable: what no database takes: numbers of thousands of digits, or too deep nesting
    """
    kept = _of_ocsf(payload) if "finding_info" in payload else _of_others(payload)
    return hashlib.sha256(_canonical(kept)).digest()[:SIZE]


def _of_others(payload: Mapping[str, Any]) -> dict[str, Any]:
    kept = _without(payload, VOLATILE)
    fields = kept.get("ProductFields")
    if isinstance(fields, dict) and not VOLATILE_FIELDS.isdisjoint(fields):
        kept["ProductFields"] = _without(fields, VOLATILE_FIELDS)
    return kept


def _of_ocsf(payload: Mapping[str, Any]) -> dict[str, Any]:
    kept = _without(payload, VOLATILE_IN_OCSF)
    for name, volatile in VOLATILE_INSIDE.items():
        inner = kept.get(name)
        if isinstance(inner, dict):
            kept[name] = _without(inner, volatile)
    if payload.get("activity_id") == _CLOSE:
        kept["activity_id"] = _CLOSE
    return kept


def _without(found: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    kept = dict(found)
    for name in names:
        kept.pop(name, None)
    return kept


def _canonical(kept: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(kept, default=str, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # Integers of more than 64 bits, halves of surrogate pairs, nesting deeper than 254.
        return _canonical_slowly(kept)


def _canonical_slowly(kept: dict[str, Any]) -> bytes:
    try:
        text = json.dumps(kept, sort_keys=True, separators=(",", ":"), default=str)
    except (RecursionError, ValueError) as e:
        remedy = "Numbers may have 4,300 digits, and lists and objects stand 900 deep"
        raise Unreadable("finding", f"cannot be written as JSON ({e})", remedy) from e
    return text.encode()
