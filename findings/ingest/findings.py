"""The upsert of a batch of findings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from django.db import connection, transaction

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
            cursor.execute(_SEEN, values)
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


_COLUMNS = (
    ("key", "bytea"),
    ("finding_id", "text"),
    ("product_arn", "text"),
    ("product", "text"),
    ("account_id", "bigint"),
    ("region", "text"),
    ("control_id", "bigint"),
    ("title", "text"),
    ("severity", "text"),
    ("status", "text"),
    ("compliance", "text"),
    ("workflow", "text"),
    ("record_state", "text"),
    ("resource_id", "text"),
    ("resource_type", "text"),
    ("resource_count", "int"),
    ("is_public", "boolean"),
    ("content_hash", "bytea"),
    ("first_observed_at", "timestamptz"),
    ("created_at", "timestamptz"),
    ("updated_at", "timestamptz"),
    ("clock_days", "int"),
    ("payload", "jsonb"),
)
_STORED = [name for name, _ in _COLUMNS if name not in {"clock_days", "payload"}] + [
    "opened_at",
    "due_at",
]

_STAGE = f"""
CREATE TEMP TABLE IF NOT EXISTS incoming (
    {", ".join(f"{name} {kind}" for name, kind in _COLUMNS)},
    id bigint, old_status text, old_hash bytea, old_updated_at timestamptz, old_control_id bigint,
    old_account_id bigint, old_vanished_at timestamptz, old_opened_at timestamptz,
    opened_at timestamptz, due_at timestamptz, resumes bigint, verdict text
) ON COMMIT DELETE ROWS
"""
_COPY = f"COPY incoming ({', '.join(name for name, _ in _COLUMNS)}) FROM STDIN"

# The newest copy of a finding within the batch wins.
_DEDUPLICATE = """
DELETE FROM incoming WHERE ctid NOT IN (
    SELECT DISTINCT ON (key) ctid FROM incoming ORDER BY key, updated_at DESC, content_hash)
"""
# Rows are locked in the order of their key, so two workers never wait for each other in a circle.
_LOCK = """
SELECT 1 FROM findings_finding f
WHERE f.organization_id = %(organization)s AND f.key IN (SELECT key FROM incoming)
ORDER BY f.key FOR UPDATE
"""
_FIND_OLD = """
UPDATE incoming i SET id = f.id, old_status = f.status, old_hash = f.content_hash,
    old_updated_at = f.updated_at, old_control_id = f.control_id, old_account_id = f.account_id,
    old_vanished_at = f.vanished_at, old_opened_at = f.opened_at
FROM findings_finding f WHERE f.organization_id = %(organization)s AND f.key = i.key
"""
# Losing sight of a fault does not mend it: FAILED stays open through WARNING and NOT_AVAILABLE.
_CARRY = """
UPDATE incoming SET status = 'OPEN' WHERE status = 'UNKNOWN' AND old_status = 'OPEN'
"""
# A change of workflow or note keeps UpdatedAt, so an equal time with other content is newer too.
_JUDGE = """
UPDATE incoming SET verdict = CASE
    WHEN id IS NULL THEN 'new'
    WHEN updated_at < old_updated_at THEN 'older'
    WHEN content_hash <> old_hash OR status <> old_status OR control_id <> old_control_id
        OR account_id <> old_account_id OR old_vanished_at IS NOT NULL THEN 'changed'
    WHEN updated_at > old_updated_at THEN 'touched'
    ELSE 'same' END
"""
_FIND_RESUMED = """
UPDATE incoming i SET resumes = e.id, opened_at = e.opened_at
FROM (
    SELECT DISTINCT ON (e.finding_id) e.finding_id, e.id, e.opened_at, e.closed_at
    FROM findings_episode e JOIN incoming i ON i.id = e.finding_id
    ORDER BY e.finding_id, e.opened_at DESC
) e
WHERE e.finding_id = i.id AND i.verdict = 'changed' AND i.status = 'OPEN'
    AND i.old_status <> 'OPEN' AND e.closed_at > i.updated_at - %(resume_within)s
"""
# The clock starts when we first saw it fail: AWS does not reliably restart FirstObservedAt.
_SET_CLOCK = """
UPDATE incoming SET opened_at = COALESCE(opened_at, CASE
    WHEN old_status = 'OPEN' THEN old_opened_at
    ELSE LEAST(%(as_of)s, GREATEST(updated_at, first_observed_at)) END)
WHERE status = 'OPEN' AND verdict <> 'older'
"""
_SET_DUE = """
UPDATE incoming SET due_at = opened_at + make_interval(days => clock_days) WHERE status = 'OPEN'
"""
_UPSERT = f"""
INSERT INTO findings_finding (organization_id, {", ".join(_STORED)})
SELECT %(organization)s, {", ".join(_STORED)} FROM incoming
WHERE verdict IN ('new', 'changed') ORDER BY key
ON CONFLICT (organization_id, key) DO UPDATE SET
    {", ".join(f"{name} = EXCLUDED.{name}" for name in _STORED if name != "key")},
    vanished_at = NULL
WHERE findings_finding.updated_at <= EXCLUDED.updated_at
"""
_TOUCH = """
UPDATE findings_finding f SET updated_at = i.updated_at
FROM incoming i WHERE i.verdict = 'touched' AND f.id = i.id
"""
_FIND_NEW = """
UPDATE incoming i SET id = f.id FROM findings_finding f
WHERE i.verdict = 'new' AND f.organization_id = %(organization)s AND f.key = i.key
"""
_PAYLOAD = """
INSERT INTO findings_findingpayload (finding_id, payload)
SELECT id, payload FROM incoming WHERE verdict IN ('new', 'changed') ORDER BY id
ON CONFLICT (finding_id) DO UPDATE SET payload = EXCLUDED.payload
"""
_CLOSE_EPISODES = """
UPDATE findings_episode e SET
    closed_at = GREATEST(e.opened_at, LEAST(%(as_of)s, i.updated_at)),
    close_reason = CASE
        WHEN i.status = 'PASSED' THEN 'PASSED'
        WHEN i.record_state = 'ARCHIVED' AND i.workflow <> 'RESOLVED' THEN 'ARCHIVED'
        ELSE 'RESOLVED' END
FROM incoming i
WHERE i.verdict = 'changed' AND i.old_status = 'OPEN' AND i.status <> 'OPEN'
    AND e.finding_id = i.id AND e.closed_at IS NULL
"""
_RESUME_EPISODES = """
UPDATE findings_episode e SET closed_at = NULL, close_reason = '', resumed = resumed + 1
FROM incoming i WHERE i.resumes = e.id
"""
_OPEN_EPISODES = """
INSERT INTO findings_episode (finding_id, opened_at, close_reason, resumed)
SELECT id, opened_at, '', 0 FROM incoming
WHERE verdict IN ('new', 'changed') AND status = 'OPEN' AND resumes IS NULL
    AND old_status IS DISTINCT FROM 'OPEN'
ORDER BY id ON CONFLICT DO NOTHING
"""
# A PASSED that was stale counts again once it has been checked, though nothing in it changed.
_DIRTY = """
INSERT INTO findings_dirtycell (account_id, control_id)
SELECT account_id, control_id FROM incoming
WHERE verdict IN ('new', 'changed')
    OR (verdict = 'touched' AND status = 'PASSED' AND old_updated_at < %(as_of)s - %(stale_after)s)
UNION
SELECT old_account_id, old_control_id FROM incoming
WHERE verdict = 'changed' AND (old_control_id <> control_id OR old_account_id <> account_id)
ORDER BY 1, 2
"""
_SEEN = """
INSERT INTO findings_seenfinding (run_id, finding_id)
SELECT %(run)s, id FROM incoming WHERE id IS NOT NULL ORDER BY id ON CONFLICT DO NOTHING
"""
_TALLY = """
SELECT count(*) FILTER (WHERE verdict = 'new'), count(*) FILTER (WHERE verdict = 'changed'),
    count(*) FILTER (WHERE verdict IN ('same', 'touched')),
    count(*) FILTER (WHERE verdict = 'older'),
    count(*) FILTER (WHERE verdict IN ('new', 'changed') AND status = 'OPEN'
        AND old_status IS DISTINCT FROM 'OPEN'),
    count(*) FILTER (WHERE verdict = 'changed' AND status <> 'OPEN' AND old_status = 'OPEN')
FROM incoming
"""


def _copy(cursor: Any, rows: Iterable[tuple[Any, ...]]) -> None:
    cursor.execute(_STAGE)
    cursor.execute("TRUNCATE incoming")
    with cursor.copy(_COPY) as copy:
        for row in rows:
            copy.write_row(row)
    cursor.execute(_DEDUPLICATE)
    cursor.execute("ANALYZE incoming")


def _match(cursor: Any, values: dict[str, Any]) -> None:
    """Decide for each row what it is: new, changed, touched (only checked again), same or older."""
    for statement in (_LOCK, _FIND_OLD, _CARRY, _JUDGE, _FIND_RESUMED, _SET_CLOCK, _SET_DUE):
        cursor.execute(statement, values)


def _write(cursor: Any, values: dict[str, Any]) -> None:
    for statement in (_UPSERT, _TOUCH, _FIND_NEW, _PAYLOAD):
        cursor.execute(statement, values)


def _follow(cursor: Any, values: dict[str, Any]) -> None:
    """Episodes and dirty cells, in the same transaction as the change."""
    for statement in (_CLOSE_EPISODES, _RESUME_EPISODES, _OPEN_EPISODES, _DIRTY):
        cursor.execute(statement, values)


def _count(cursor: Any) -> dict[str, int]:
    cursor.execute(_TALLY)
    names = ("new", "changed", "unchanged", "older", "opened", "closed")
    return dict(zip(names, cursor.fetchone(), strict=True))
