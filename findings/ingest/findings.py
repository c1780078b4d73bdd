"""The upsert of a batch of findings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from django.db import connection, transaction

from findings.ingest import statements
from findings.ingest.controls import Catalog
from findings.models import CLOCK_DAYS, Status
from findings.normalise import payload
from findings.normalise.records import FindingRecord, Rejected

# Failing again within this time of a close resumes the episode and its clock.
RESUME_WITHIN = timedelta(days=14)
# A publicly exposed resource has less time.
PUBLIC_CLOCK_DAYS = {"CRITICAL": 3, "HIGH": 14}
# Without a check for this long, PASSED is no longer known (posture.scoring has the same limit).
STALE_AFTER = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Counts:
    """What came of a batch; `older` findings are copies older than what is stored, left aside."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    older: int = 0
    opened: int = 0
    closed: int = 0
    rejected: tuple[Rejected, ...] = ()


def key_of(*, product_arn: str, finding_id: str) -> bytes:
    """The 16 bytes that tell a finding apart."""
    return blake2b(f"{product_arn}\0{finding_id}".encode(), digest_size=16).digest()


def status_of(record: FindingRecord, *, is_control_enabled: bool = True) -> Status:
    """What AWS's three states come to (kpis 4.2, R3, R5).

    A FAILED finding that AWS archived because its control was switched off is carried as OPEN:
    losing sight of a fault does not mend it.
    """
    if record.record_state == "ARCHIVED":
        is_lost = record.compliance == "FAILED" and not is_control_enabled
        return Status.OPEN if is_lost else Status.CLOSED
    if record.compliance:
        return {"FAILED": Status.OPEN, "PASSED": Status.PASSED}.get(
            record.compliance, Status.UNKNOWN
        )
    return Status.CLOSED if record.workflow == "RESOLVED" else Status.OPEN


def upsert_findings(
    records: Sequence[FindingRecord],
    *,
    catalog: Catalog,
    as_of: datetime,
    run_id: int | None = None,
) -> Counts:
    """Store a batch as known at `as_of`; with `run_id`, remember it as seen by that full sweep.

    A record of an account that the inventory does not have comes back in `rejected`.
    """
    rejected: list[Rejected] = []
    rows = list(_rows(records, catalog=catalog, rejected=rejected))
    if not rows:
        return Counts(rejected=tuple(rejected))
    with transaction.atomic(), connection.cursor() as cursor:
        _copy(cursor, rows)
        values: dict[str, Any] = {
            "organization": catalog.organization_id,
            "as_of": as_of,
            "resume_within": RESUME_WITHIN,
            "stale_after": STALE_AFTER,
            "run": run_id,
        }
        _match(cursor, values)
        _write(cursor, values)
        _follow(cursor, values)
        if run_id is not None:
            cursor.execute(statements.SEEN, values)
        counts = _count(cursor)
    return Counts(**counts, rejected=tuple(rejected))


def _rows(
    records: Iterable[FindingRecord], *, catalog: Catalog, rejected: list[Rejected]
) -> Iterable[tuple[Any, ...]]:
    for record in records:
        account = catalog.accounts.get(record.account_id)
        if account is None:
            reason = (
                f"AwsAccountId: account {record.account_id} is not in the inventory. "
                "It is taken in at the next collection after AWS Organizations lists it."
            )
            rejected.append(Rejected(record.finding_id, reason, record.payload))
            continue
        control = catalog.control_of(record)
        status = status_of(record, is_control_enabled=control.is_enabled)
        clock = CLOCK_DAYS.get(record.severity)
        if record.is_public:
            clock = PUBLIC_CLOCK_DAYS.get(record.severity, clock)
        yield (
            key_of(product_arn=record.product_arn, finding_id=record.finding_id),
            record.finding_id,
            record.product_arn,
            record.product,
            account,
            record.region,
            control.pk,
            record.title,
            record.severity,
            status.value,
            record.compliance,
            record.workflow,
            record.record_state,
            record.resource_id,
            record.resource_type,
            record.resource_count,
            record.is_public,
            record.content_hash,
            record.first_observed_at,
            record.created_at,
            record.updated_at,
            clock,
            payload.to_json(record.payload),
        )


def _copy(cursor: Any, rows: Iterable[tuple[Any, ...]]) -> None:
    cursor.execute(statements.STAGE)
    cursor.execute("TRUNCATE incoming")
    with cursor.copy(statements.COPY) as copy:
        for row in rows:
            copy.write_row(row)
    cursor.execute(statements.DEDUPLICATE)
    cursor.execute("ANALYZE incoming")


def _match(cursor: Any, values: dict[str, Any]) -> None:
    """Decide for each row what it is: new, changed, touched (only checked again), same or older."""
    cursor.execute(statements.HAS_NEW, values)
    if cursor.fetchone()[0]:
        cursor.execute(statements.LOCK_NEW, values)
    for statement in (
        statements.LOCK,
        statements.FIND_OLD,
        statements.CARRY,
        statements.JUDGE,
        statements.FIND_RESUMED,
        statements.SET_CLOCK,
        statements.SET_DUE,
    ):
        cursor.execute(statement, values)


def _write(cursor: Any, values: dict[str, Any]) -> None:
    for statement in (statements.UPSERT, statements.TOUCH, statements.FIND_NEW, statements.PAYLOAD):
        cursor.execute(statement, values)


def _follow(cursor: Any, values: dict[str, Any]) -> None:
    """Episodes and dirty cells, in the same transaction as the change."""
    for statement in (
        statements.CLOSE_EPISODES,
        statements.RESUME_EPISODES,
        statements.OPEN_EPISODES,
        statements.DIRTY,
    ):
        cursor.execute(statement, values)


def _count(cursor: Any) -> dict[str, int]:
    cursor.execute(statements.TALLY)
    names = ("new", "changed", "unchanged", "older", "opened", "closed")
    return dict(zip(names, cursor.fetchone(), strict=True))
