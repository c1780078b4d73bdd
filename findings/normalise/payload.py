"""A finding as it came, as JSON text that Postgres takes into a jsonb column."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# What JSON text of Python may have and jsonb may not: NUL, half a surrogate pair, no number.
# A hit may be harmless (an emoji is a whole pair): then cleaning changes nothing.
_SUSPECT = ("\\u0000", "\\ud", "NaN", "Infinity")


def to_json(payload: Mapping[str, Any]) -> str:
    """Return ASCII JSON; NUL is left out, half a pair becomes "?", NaN and infinity null."""
    text = json.dumps(payload, default=str)
    if any(mark in text for mark in _SUSPECT):
        text = json.dumps(_clean(payload), default=str)
    return text


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "")
    if isinstance(value, dict):
        return {_clean(str(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
