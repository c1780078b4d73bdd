"""Reading single fields that may be missing, misspelt or of the wrong type."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from findings.normalise.records import Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping

# ARNs with an empty partition are about ("arn:aws::guardduty:..."), so the parts are found by
# their form, not by counting colons.
_ACCOUNT = re.compile(r":(\d{12}):")
_REGION = re.compile(r":([a-z]{2,4}(?:-[a-z]+)+-\d):")


@lru_cache(maxsize=8192)
def account_in(arn: str) -> str:
    """Return the first account id in an ARN, or ""."""
    found = _ACCOUNT.search(arn)
    return found[1] if found else ""


@lru_cache(maxsize=8192)
def region_in(arn: str) -> str:
    """Return the Region in an ARN, or "" (global)."""
    found = _REGION.search(arn)
    return found[1] if found else ""


def is_account_id(value: object) -> bool:
    """Say whether this is the 12 digits of an account."""
    return isinstance(value, str) and len(value) == 12 and value.isascii() and value.isdigit()


def text(raw: Mapping[str, Any], name: str) -> str:
    """Return a field as text that Postgres can hold; "" where it is missing or null.

    JSON may have NUL and halves of surrogate pairs; a Postgres text may not.
    """
    value = raw.get(name)
    if value is None:
        return ""
    found = value if isinstance(value, str) else str(value)
    if not found.isascii():
        found = found.encode("utf-8", "replace").decode()
    return found.replace("\0", "") if "\0" in found else found


def needed(raw: Mapping[str, Any], name: str) -> str:
    """Return a field as text.

    :raises Unreadable: it is missing or empty
    """
    value = text(raw, name)
    if not value:
        raise Unreadable(name, "is missing", "Ask the product that sent the finding to set it")
    return value


def mapping(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object; an empty one where it is missing, null or something else."""
    value = raw.get(name)
    return value if isinstance(value, dict) else {}


def moment(raw: Mapping[str, Any], name: str) -> datetime | None:
    """Return a time in UTC, None where it is missing; one without a zone is UTC already.

    :raises Unreadable: it is not an ISO 8601 time
    """
    value = raw.get(name)
    if not value:
        return None
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError) as e:
        raise Unreadable(name, f"{value!r} is no time", "Send ISO 8601, in UTC") from e
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def choice(raw: Mapping[str, Any], name: str, *, of: frozenset[str], default: str) -> str:
    """Return one of the known values; `default` where the field is missing.

    :raises Unreadable: a value that we do not know: to guess could turn a failure into a pass
    """
    value = raw.get(name)
    if not value:
        return default
    if not isinstance(value, str) or value not in of:
        raise Unreadable(name, f"{value!r} is not known", f"Known are: {', '.join(sorted(of))}")
    return value
