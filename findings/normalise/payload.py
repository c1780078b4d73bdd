"""A finding as it came, as JSON text that Postgres takes into a jsonb column."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson

# What JSON text may have and jsonb may not. A hit may be harmless (text about the escape): then
# cleaning changes nothing.
_NUL = b"\\u0000"
_TOO_DEEP = '"not kept: it cannot be written as JSON"'


def to_json(payload: Any) -> str:
    """Return JSON; NUL is left out, half a surrogate pair becomes "?", NaN and infinity null.

    What cannot be written at all (numbers of thousands of digits, nesting of a thousand levels) is
    replaced by a text that says so: no finding with it is read, so this is for quarantine.
    """
    try:
        text = orjson.dumps(payload, default=str, option=orjson.OPT_PASSTHROUGH_DATETIME)
    except TypeError:
        # Integers of more than 64 bits, halves of surrogate pairs, nesting deeper than 254.
        return _slowly(payload)
    return _slowly(payload) if _NUL in text else text.decode()


def _slowly(payload: Any) -> str:
    try:
        return json.dumps(_clean(payload), default=str)
    except (RecursionError, ValueError):
        return _TOO_DEEP


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
