"""Cells: how each account does on each control, from the findings of the cells that are dirty."""

import itertools
from datetime import datetime
from typing import Any, Final

from django.db import connection

from posture.scoring import STALE_AFTER

# One resource is one count, the worst of what is said of it in any Region or standard. An
# account-level PASSED of a control about something else says "no such resources": not counted.
# A control that only the delegated administrator reports has its cell there, and counts in the root.
# The worst comes first: 5 open and past its due date, 4 open, 3 open and excepted, 2 unknown, 1 passed.
# Sorted by the resource, which is nearly always another one, so that a comparison ends with the first
# number.
_FRESH: Final = """
CREATE TEMP TABLE fresh ON COMMIT DROP AS
SELECT account_id, control_id,
    count(*) FILTER (WHERE worst = 1) AS passed, count(*) FILTER (WHERE worst >= 4) AS failed,
    count(*) FILTER (WHERE worst = 3) AS excepted, count(*) FILTER (WHERE worst = 2) AS unknown,
    count(*) FILTER (WHERE worst = 5) AS overdue
FROM (
    SELECT DISTINCT ON (f.resource_hash, f.account_id, f.control_id)
        f.resource_hash, f.account_id, f.control_id, CASE
        WHEN f.status = 'OPEN' AND f.is_excepted THEN 3
        WHEN f.status = 'OPEN' AND f.due_at < %(now)s THEN 5
        WHEN f.status = 'OPEN' THEN 4
        WHEN f.status = 'UNKNOWN' OR f.updated_at < %(now)s - %(stale_after)s THEN 2
        ELSE 1 END AS worst
    FROM findings_finding f
    JOIN findings_control c ON c.id = f.control_id AND c.is_scored
    JOIN dirty d ON d.control_id = f.control_id AND d.account_id = f.account_id
    WHERE f.status IN ('OPEN', 'PASSED', 'UNKNOWN')
        AND NOT (f.status <> 'OPEN' AND f.resource_type = 'AwsAccount' AND NOT c.is_account_level)
    ORDER BY 1, 2, 3, 4 DESC
) resources
GROUP BY 1, 2
"""
# All cells at once: an index has them in their order, with all that is needed but when a PASSED was
# last checked, and whether an OPEN is excepted. So cells with one that is stale or excepted are counted
# like dirty ones. In parts, because
# Postgres would sort the whole where several processes read one index.
PARTS: Final = 8
_STALE: Final = """
CREATE TEMP TABLE dirty ON COMMIT DROP AS
SELECT DISTINCT account_id, control_id FROM findings_finding
WHERE status = 'PASSED' AND updated_at < %(now)s - %(stale_after)s
UNION
SELECT f.account_id, f.control_id FROM invariants_exceptedfinding x
JOIN findings_finding f ON f.id = x.finding_id AND f.status = 'OPEN'
"""
_PART: Final = """
SELECT account_id, control_id,
    count(*) FILTER (WHERE worst = 1) AS passed, count(*) FILTER (WHERE worst >= 3) AS failed,
    count(*) FILTER (WHERE worst = 2) AS unknown, count(*) FILTER (WHERE worst = 4) AS overdue
FROM (
    SELECT account_id, control_id, resource_hash, max(CASE status
        WHEN 'OPEN' THEN CASE WHEN due_at < %(now)s THEN 4 ELSE 3 END
        WHEN 'UNKNOWN' THEN 2 WHEN 'PASSED' THEN 1 ELSE 0 END) AS worst
    FROM findings_finding
    WHERE account_id >= {low} AND account_id < {high} AND (status = 'OPEN'
        OR resource_type <> 'AwsAccount' OR control_id = ANY(%(account_level)s))
    GROUP BY 1, 2, 3
) resources
GROUP BY 1, 2
"""
_WHOLE: Final = """
CREATE TEMP TABLE whole ON COMMIT DROP AS {parts}
"""
_ADD_WHOLE: Final = """
INSERT INTO fresh (account_id, control_id, passed, failed, excepted, unknown, overdue)
SELECT w.account_id, w.control_id, w.passed, w.failed, 0, w.unknown, w.overdue
FROM whole w JOIN findings_control c ON c.id = w.control_id
WHERE c.is_scored
    AND w.passed + w.failed + w.unknown > 0
    AND NOT EXISTS (SELECT 1 FROM dirty d
        WHERE d.account_id = w.account_id AND d.control_id = w.control_id)
"""
_COUNTS: Final = ("passed", "failed", "excepted", "unknown")
_ALL: Final = (*_COUNTS, "overdue")


def _zeros(table: str, names: tuple[str, ...]) -> str:
    return ", ".join(f"COALESCE({table}.{name}, 0)" for name in names)


_MOVED: Final = f"""
CREATE TEMP TABLE moved ON COMMIT DROP AS
SELECT account_id, control_id,
    {", ".join(f"COALESCE(n.{name}, 0) AS {name}" for name in _ALL)},
    ARRAY[{_zeros("o", _ALL)}] AS was,
    ({_zeros("n", _COUNTS)}) <> ({_zeros("o", _COUNTS)}) AS is_of_the_day
FROM {{pairs}}
WHERE ({_zeros("n", _ALL)}) <> ({_zeros("o", _ALL)})
"""
# Each cell as it is now, `n`, beside what is stored, `o`.
_OF_DIRTY: Final = """dirty LEFT JOIN fresh n USING (account_id, control_id)
    LEFT JOIN posture_cell o USING (account_id, control_id)"""
_OF_ALL: Final = "fresh n FULL JOIN posture_cell o USING (account_id, control_id)"
_DROP: Final = """
DELETE FROM posture_cell o USING moved m
WHERE o.account_id = m.account_id AND o.control_id = m.control_id
    AND m.passed + m.failed + m.excepted + m.unknown = 0
"""
_STORE: Final = f"""
INSERT INTO posture_cell (account_id, control_id, {", ".join(_ALL)})
SELECT account_id, control_id, {", ".join(_ALL)} FROM moved
WHERE passed + failed + excepted + unknown > 0 ORDER BY 1, 2
ON CONFLICT (account_id, control_id) DO UPDATE SET
    {", ".join(f"{name} = EXCLUDED.{name}" for name in _ALL)}
"""
_STORE_DAYS: Final = f"""
INSERT INTO posture_cellday (account_id, control_id, day, {", ".join(_COUNTS)})
SELECT account_id, control_id, %(day)s, {", ".join(_COUNTS)} FROM moved WHERE is_of_the_day
ORDER BY 1, 2
ON CONFLICT (account_id, control_id, day) DO UPDATE SET
    {", ".join(f"{name} = EXCLUDED.{name}" for name in _COUNTS)}
"""
# What sums over the cell have to be written again; also where only its counts of findings changed.
_TOUCH: Final = """
INSERT INTO posture_touchedcell (account_id, control_id, was)
SELECT d.account_id, d.control_id, m.was FROM {cells} d
LEFT JOIN moved m ON m.account_id = d.account_id AND m.control_id = d.control_id ORDER BY 1, 2
"""
_MARK_STALE: Final = """
INSERT INTO findings_dirtycell (account_id, control_id)
SELECT DISTINCT f.account_id, f.control_id FROM findings_finding f
JOIN posture_cell c ON c.account_id = f.account_id AND c.control_id = f.control_id AND c.passed > 0
WHERE f.status = 'PASSED' AND f.updated_at < %(now)s - %(stale_after)s
    AND f.updated_at >= %(since)s - %(stale_after)s
ORDER BY 1, 2
"""


def mark_stale(*, since: datetime, now: datetime) -> int:
    """Mark the cells with a PASSED that has not been checked for too long since `since`."""
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"since": since, "now": now, "stale_after": STALE_AFTER}
        cursor.execute(_MARK_STALE, values)
        return int(cursor.rowcount)


def count_dirty(*, now: datetime) -> int:
    """Count the cells in the table `dirty` anew; returns how many have changed."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS fresh")
        cursor.execute(_FRESH, _values(now))
    return _store(_OF_DIRTY, touched="dirty", now=now)


def count_all(*, now: datetime) -> int:
    """Count every cell anew from all findings; returns how many have changed."""
    values = _values(now)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS dirty, fresh, whole")
        # Every process there is, and the index rather than the table.
        cursor.execute(
            "SET LOCAL work_mem = '256MB'; SET LOCAL parallel_tuple_cost = 0;"
            " SET LOCAL parallel_setup_cost = 0; SET LOCAL enable_seqscan = off;"
            " SET LOCAL enable_sort = off"
        )
        cursor.execute("SELECT id FROM findings_control WHERE is_account_level")
        values["account_level"] = [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT min(id), max(id) FROM inventory_account")
        low, high = cursor.fetchone()
        step = ((high or 0) - (low or 0)) // PARTS + 1
        bounds = [(low or 0) + number * step for number in range(PARTS + 1)]
        parts = [_PART.format(low=one, high=other) for one, other in itertools.pairwise(bounds)]
        cursor.execute(_WHOLE.format(parts=" UNION ALL ".join(parts)), values)
        cursor.execute("SET LOCAL enable_seqscan = on; SET LOCAL enable_sort = on")
        cursor.execute(_STALE, values)
        cursor.execute("ANALYZE dirty")
        cursor.execute(_FRESH, values)
        cursor.execute(_ADD_WHOLE)
    return _store(_OF_ALL, touched="moved", now=now)


def _values(now: datetime) -> dict[str, Any]:
    return {"now": now, "day": now.date(), "stale_after": STALE_AFTER}


def _store(pairs: str, *, touched: str, now: datetime) -> int:
    """Bring the stored cells in step with the temporary table `fresh`.

    :param touched: the table of cells over which sums have to be written again.
    """
    values = _values(now)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS moved")
        cursor.execute(_MOVED.format(pairs=pairs))
        changed = int(cursor.rowcount)
        for statement in (_DROP, _STORE, _STORE_DAYS) if changed else ():
            cursor.execute(statement, values)
        cursor.execute(_TOUCH.format(cells=touched))
        return changed
