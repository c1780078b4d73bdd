"""Counts of findings by everything a list can be filtered by; drained from the dirty cells.

Run inside the transaction that takes the dirty cells, so that a crash loses neither.
"""

from django.db import connection

_TAKE = """
CREATE TEMP TABLE dirty ON COMMIT DROP AS
WITH taken AS (
    DELETE FROM findings_dirtycell WHERE id IN (
        SELECT id FROM findings_dirtycell ORDER BY id LIMIT %(limit)s)
    RETURNING account_id, control_id)
SELECT DISTINCT account_id, control_id FROM taken
"""
_DROP = """
DELETE FROM findings_findingcount c USING dirty d
WHERE c.account_id = d.account_id AND c.control_id = d.control_id
"""
_COUNT = """
INSERT INTO findings_findingcount
    (account_id, control_id, region, product, severity, status, workflow, findings)
SELECT f.account_id, f.control_id, f.region, f.product, f.severity, f.status, f.workflow, count(*)
FROM dirty d JOIN findings_finding f
    ON f.control_id = d.control_id AND f.account_id = d.account_id
GROUP BY 1, 2, 3, 4, 5, 6, 7
ORDER BY 1, 2
"""


def take_dirty(*, limit: int) -> int:
    """Move up to `limit` marks into the temporary table `dirty`; returns the number of cells.

    The table lives until the transaction ends; a rollback puts the marks back.
    """
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS dirty")
        cursor.execute(_TAKE, {"limit": limit})
        cursor.execute("SELECT count(*) FROM dirty")
        return int(cursor.fetchone()[0])


def recount() -> None:
    """Count the findings of every cell in `dirty` anew."""
    with connection.cursor() as cursor:
        cursor.execute(_DROP)
        cursor.execute(_COUNT)
