"""IAM's credential report: how many passwords and access keys there are, and how old. Names stay unread."""

from __future__ import annotations

import csv
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from inventory import aws
from inventory.facts import Fact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from inventory.aws import Client
    from inventory.sources.account_facts.answers import Value

PERMISSIONS: dict[str, tuple[str, ...]] = {
    "member": ("iam:GenerateCredentialReport", "iam:GetCredentialReport"),
}

FACTS = (
    Fact.IAM_PASSWORDS,
    Fact.IAM_PASSWORDS_WITH_MFA,
    Fact.IAM_ACCESS_KEYS,
    Fact.IAM_ACCESS_KEYS_OLD,
)
OLD = timedelta(days=90)
# Small accounts are done in a second or two; one that takes longer has its report by the next pass.
PAUSES = (1.0, 2.0, 4.0)
_ROOT = "<root_account>"
_KEYS = ("access_key_1", "access_key_2")
_COLUMNS = {
    "user",
    "password_enabled",
    "mfa_active",
    *(f"{key}_{column}" for key in _KEYS for column in ("active", "last_rotated")),
}


def start_report(client: Client) -> None:
    """Ask for a report (1 call). AWS makes a new one every four hours at most, and else keeps the last."""
    client.call("generate_credential_report")


def read_report(
    client: Client, *, now: datetime, pause: Callable[[float], None] = time.sleep
) -> dict[Fact, Value]:
    """Return the counts of the report (1 call when it is ready; 4, and a new start, at most 8).

    :raises Unavailable: the report is not there after PAUSES
    """
    for seconds in (*PAUSES, None):
        try:
            answer = client.call("get_credential_report")
        except aws.SourceError as error:
            if not error.code.startswith("Report"):
                raise
            if seconds is None:
                detail = f"{error.code}: the report is not ready yet."
                raise aws.Unavailable(detail, **client.place("GetCredentialReport")) from error
            if error.code != "ReportInProgress":
                start_report(client)
            pause(seconds)
            continue
        return _counted(client, answer.get("Content", b""), now=now)
    raise AssertionError("the last pause is None")


def _counted(client: Client, content: bytes, *, now: datetime) -> dict[Fact, Value]:
    try:
        return count(content.decode().splitlines(), now=now)
    except ValueError as error:
        raise client.malformed("get_credential_report", f"{error}.") from error


def count(lines: Iterable[str], *, now: datetime) -> dict[Fact, Value]:
    """Return the counts over the users of a report, the root user left out.

    Booleans come as TRUE and true; what has no date is N/A, no_information or not_supported. An active
    key without a date counts as old.

    :raises ValueError: columns are missing
    """
    rows = csv.DictReader(lines)
    missing = _COLUMNS - set(rows.fieldnames or ())
    if missing:
        raise ValueError(f"The report has no column {', '.join(sorted(missing))}")
    passwords = with_mfa = keys = old = 0
    for row in rows:
        if row["user"] == _ROOT:
            continue
        has_password = _is_true(row, "password_enabled")
        passwords += has_password
        with_mfa += has_password and _is_true(row, "mfa_active")
        active = [key for key in _KEYS if _is_true(row, f"{key}_active")]
        keys += len(active)
        old += sum(_is_old(row[f"{key}_last_rotated"], now) for key in active)
    return {
        Fact.IAM_PASSWORDS: passwords,
        Fact.IAM_PASSWORDS_WITH_MFA: with_mfa,
        Fact.IAM_ACCESS_KEYS: keys,
        Fact.IAM_ACCESS_KEYS_OLD: old,
    }


def _is_true(row: Mapping[str, str], column: str) -> bool:
    return (row[column] or "").strip().lower() == "true"


def _is_old(text: str, now: datetime) -> bool:
    try:
        rotated_at = datetime.fromisoformat(text.strip())
    except ValueError:
        return True
    if rotated_at.tzinfo is None:
        rotated_at = rotated_at.replace(tzinfo=UTC)
    return now - rotated_at > OLD
