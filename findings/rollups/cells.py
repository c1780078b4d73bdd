"""Dirty cells: taken from their marks, and counted anew.

Run inside the transaction that takes the dirty cells, so that a crash loses neither.
"""

from datetime import datetime
from typing import Final

from django.db import connection

from findings.models import AGE_SQL, EXPOSURE_SQL, SLA_SQL
from findings.rollups import ageing, facets, moving, writing

_TAKE = """
CREATE TEMP TABLE dirty ON COMMIT DROP AS
WITH taken AS (
    DELETE FROM findings_dirtycell WHERE id IN (
        SELECT id FROM findings_dirtycell ORDER BY id LIMIT %(limit)s)
    RETURNING account_id, control_id)
SELECT DISTINCT account_id, control_id FROM taken
"""
# The columns of FindingCount, but for the number.
KINDS: Final = (
    "region, product, severity, status, workflow, resource_type, exposure, is_excepted, age, sla"
)
COLUMNS: Final = f"account_id, control_id, {KINDS}"
COUNT: Final = f"""
SELECT f.account_id, f.control_id, f.region, f.product, f.severity, f.status, f.workflow,
    f.resource_type, {EXPOSURE_SQL} AS exposure, f.is_excepted, {AGE_SQL} AS age, {SLA_SQL} AS sla,
    count(*)::int AS findings
FROM findings_finding f
JOIN findings_countedaccount p ON p.account_id = f.account_id AND p.is_live
"""
_COUNT_ANEW = f"""
CREATE TEMP TABLE counted_anew ON COMMIT DROP AS
{COUNT} JOIN dirty d ON d.account_id = f.account_id AND d.control_id = f.control_id
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
"""
# What there is more of now, and (negative) what less.
_COMPARE = f"""
CREATE TEMP TABLE {facets.CHANGE} ON COMMIT DROP AS
SELECT {COLUMNS}, sum(findings)::int AS findings FROM (
    SELECT {COLUMNS}, findings FROM counted_anew
    UNION ALL
    SELECT {COLUMNS}, -findings FROM findings_findingcount JOIN dirty USING (account_id, control_id)
) both_times
GROUP BY {COLUMNS} HAVING sum(findings) <> 0
"""
_CHANGED_CELLS = f"(SELECT DISTINCT account_id, control_id FROM {facets.CHANGE}) x"
_DROP = f"""
DELETE FROM findings_findingcount c USING {_CHANGED_CELLS}
WHERE c.account_id = x.account_id AND c.control_id = x.control_id
"""
_STORE = f"""
INSERT INTO findings_findingcount ({COLUMNS}, findings)
SELECT {COLUMNS}, findings FROM counted_anew JOIN {_CHANGED_CELLS} USING (account_id, control_id)
ORDER BY control_id, account_id
"""


def take_dirty(*, limit: int) -> int:
    """Move up to `limit` marks into the temporary table `dirty`; returns the number of cells.

    The table lives until the transaction ends; a rollback puts the marks back.
    """
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS dirty")
        cursor.execute(_TAKE, {"limit": limit})
        cells = int(cursor.rowcount)
        # Few cells are read by the index, many are not: the planner has to know.
        cursor.execute("ANALYZE dirty")
        return cells


def recount(*, now: datetime) -> int:
    """Count the findings of every cell in `dirty` anew, and add what changed to all sums.

    :param now: as of when to count what was never counted; else it is as of the last mark_crossed.
    :return: how many rows of FindingCount came, went or have another number.
    """
    writing.one_at_a_time()
    moving.follow()
    as_of = ageing.counted_at(now)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS counted_anew, {facets.CHANGE}")
        cursor.execute(_COUNT_ANEW, {"as_of": as_of})
        cursor.execute(_COMPARE)
        changes = int(cursor.rowcount)
        if changes:
            cursor.execute(_DROP)
            cursor.execute(_STORE)
    facets.follow(changes)
    return changes
