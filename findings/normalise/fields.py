"""Reading single fields that may be missing, misspelt or of the wrong type."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from findings.normalise.records import Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping

# ARNs with an empty partition are about ("arn:aws::guardduty:..."), so the parts are found by
# their form, not by counting colons.
_ACCOUNT = re.compile(r":(\d{12}):")
_REGION = re.compile(r":([a-z]{2,4}(?:-[a-z]+)+-\d):")
_REGION_NAME = re.compile(r"[A-Za-z0-9-]{1,32}")
# What stands where a product means "no Region at all".
_GLOBAL = frozenset({"global", "aws-global"})

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_QUOTE = 100
# OCSF counts milliseconds, Prowler writes seconds: less than this cannot be milliseconds (1973).
_LEAST_MILLISECONDS = 1e11


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


@lru_cache(maxsize=1024)
def region_name(name: str) -> str:
    """Return the name of a Region, "" for what is global or can be no such name."""
    return name if _REGION_NAME.fullmatch(name) and name not in _GLOBAL else ""


def is_account_id(value: object) -> bool:
    """Say whether this is the 12 digits of an account."""
    return isinstance(value, str) and len(value) == 12 and value.isascii() and value.isdigit()


def text(raw: Mapping[str, Any], name: str) -> str:
    """Return a field as text that Postgres can hold; "" where it is missing or null.

    JSON may have NUL and halves of surrogate pairs; a Postgres text may not.

    :raises Unreadable: it is a number of thousands of digits
    """
    value = raw.get(name)
    if value is None:
        return ""
    found = value if isinstance(value, str) else _written(name, value)
    if not found.isascii():
        found = found.encode("utf-8", "replace").decode()
    return found.replace("\0", "") if "\0" in found else found


def _written(name: str, value: object) -> str:
    try:
        return str(value)
    except (RecursionError, ValueError) as e:
        raise Unreadable(name, "is no text", "Send a text") from e


def shown(raw: Mapping[str, Any], name: str) -> str:
    """Return a field as text to show to people; "" where it cannot be written at all."""
    try:
        return text(raw, name)
    except Unreadable:
        return ""


def quoted(value: object) -> str:
    """Return a value as a message to people has it: short, whatever it is."""
    match value:
        case str():
            return repr(value if len(value) <= _LONGEST_QUOTE else f"{value[:_LONGEST_QUOTE]}...")
        case None | bool() | float():
            return repr(value)
        case int():
            return repr(value) if value.bit_length() <= _LONGEST_QUOTE else "a huge number"
        case dict():
            return "an object"
        case list():
            return "a list"
        case _:
            return f"a {type(value).__name__}"


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


def rows(raw: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return the objects of a list; none where it is missing or something else."""
    value = raw.get(name)
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def texts(raw: Mapping[str, Any], name: str) -> list[str]:
    """Return the texts of a list; none where it is missing or something else."""
    value = raw.get(name)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def moment(raw: Mapping[str, Any], name: str) -> datetime | None:
    """Return a time in UTC, None where it is missing; one without a zone is UTC already.

    :raises Unreadable: it is not an ISO 8601 time
    """
    value = raw.get(name)
    if not value:
        return None
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        if found.tzinfo is UTC:
            return found
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (OverflowError, TypeError, ValueError) as e:
        raise Unreadable(name, f"{quoted(value)} is no time", "Send ISO 8601, in UTC") from e


def twin_moment(raw: Mapping[str, Any], name: str) -> datetime | None:
    """Return a time of OCSF in UTC, None where it is missing: `<name>_dt`, or `<name>` since 1970.

    Prowler's `_dt` has no zone and is in local time: there only the number tells the truth.

    :raises Unreadable: it is no time
    """
    written, number = raw.get(f"{name}_dt"), raw.get(name)
    if isinstance(number, bool) or not isinstance(number, int | float) or not number:
        return moment(raw, f"{name}_dt") or moment(raw, name)
    if written and not (isinstance(written, str) and not _has_zone(written)):
        return moment(raw, f"{name}_dt")
    unit = 1 if abs(number) >= _LEAST_MILLISECONDS else 1000
    try:
        return _EPOCH + timedelta(milliseconds=number * unit)
    except (OverflowError, ValueError) as e:
        raise Unreadable(
            name, f"{quoted(number)} is no time", "Send milliseconds since 1970"
        ) from e


def _has_zone(written: str) -> bool:
    return written.endswith(("Z", "z")) or "+" in written or written.count("-") > 2


def choice(raw: Mapping[str, Any], name: str, *, of: frozenset[str], default: str) -> str:
    """Return one of the known values; `default` where the field is missing.

    :raises Unreadable: a value that we do not know: to guess could turn a failure into a pass
    """
    value = raw.get(name)
    if not value:
        return default
    if not isinstance(value, str) or value not in of:
        raise Unreadable(
            name, f"{quoted(value)} is not known", f"Known are: {', '.join(sorted(of))}"
        )
    return value
