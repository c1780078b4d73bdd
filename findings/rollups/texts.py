"""The words of findings for the search, and their tokens for the lists of what is rare.

Written for the findings of dirty cells, and only where something in them is different.
"""

from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from findings.queries import search, tokens
from findings.rollups import ageing

_INDEX: Final = "findings_findingtext_search"
# As of how many new words on the index takes them over from its list of what is new at once.
_MANY: Final = 50
_JOINS: Final = """
JOIN findings_control c ON c.id = f.control_id
JOIN inventory_account a ON a.id = f.account_id
JOIN inventory_organizationalunit o ON o.id = a.ou_id
LEFT JOIN inventory_team t ON t.id = a.team_id
LEFT JOIN (
    SELECT finding_id, string_agg(cve, ' ' ORDER BY cve) AS cves FROM findings_findingvulnerability
    {vulnerabilities} GROUP BY 1
) v ON v.finding_id = f.id
"""
_SOURCE: Final = "concat_ws(' ', f.title, f.resource_id, f.finding_id, c.control_id, a.name, a.account_id, v.cves)"
_REFRESH: Final = f"""
INSERT INTO findings_findingtext (finding_id, source_hash, words, tokens)
SELECT n.id, n.source_hash,
    CASE WHEN x.source_hash = n.source_hash THEN x.words ELSE {search.words_sql("n.source")} END,
    n.tokens
FROM (
    SELECT f.id, {_SOURCE} AS source, hashtextextended({_SOURCE}, 0) AS source_hash,
        {tokens.ROW_SQL} AS tokens
    FROM dirty d
    JOIN findings_finding f ON f.control_id = d.control_id AND f.account_id = d.account_id
    {
    _JOINS.format(
        vulnerabilities="WHERE finding_id IN (SELECT f.id FROM dirty d JOIN findings_finding f"
        " ON f.control_id = d.control_id AND f.account_id = d.account_id)"
    )
}
) n
LEFT JOIN findings_findingtext x ON x.finding_id = n.id
WHERE x.finding_id IS NULL OR x.source_hash <> n.source_hash OR x.tokens <> n.tokens
ORDER BY n.id
ON CONFLICT (finding_id) DO UPDATE SET source_hash = EXCLUDED.source_hash, words = EXCLUDED.words,
    tokens = EXCLUDED.tokens
"""
_REBUILD: Final = f"""
INSERT INTO findings_findingtext (finding_id, source_hash, words, tokens)
SELECT n.id, hashtextextended(n.source, 0), {search.words_sql("n.source")}, n.tokens
FROM (
    SELECT f.id, {_SOURCE} AS source, {tokens.ROW_SQL} AS tokens
    FROM findings_finding f {_JOINS.format(vulnerabilities="")}
) n
"""


_MARK_MOVED: Final = """
INSERT INTO findings_dirtycell (account_id, control_id)
SELECT DISTINCT n.account_id, n.control_id FROM findings_findingcount n
JOIN inventory_account a ON a.id = n.account_id
JOIN inventory_organizationalunit o ON o.id = a.ou_id
JOIN findings_countedaccount p ON p.account_id = n.account_id
JOIN findings_control c ON c.id = n.control_id
JOIN findings_countedcontrol k ON k.control_id = n.control_id
WHERE (p.ou_path, p.team_key, p.environment, k.area)
    <> (o.path, COALESCE(a.team_id, 0), a.environment, c.area)
ORDER BY 1, 2
"""
_HAS_MOVED: Final = """
SELECT EXISTS (
    SELECT 1 FROM inventory_account a JOIN inventory_organizationalunit o ON o.id = a.ou_id
    JOIN findings_countedaccount p ON p.account_id = a.id
    WHERE (p.ou_path, p.team_key, p.environment) <> (o.path, COALESCE(a.team_id, 0), a.environment)
) OR EXISTS (
    SELECT 1 FROM findings_control c JOIN findings_countedcontrol k ON k.control_id = c.id
    WHERE k.area <> c.area)
"""


def mark_moved() -> int:
    """Mark the cells whose account or control stands elsewhere than when it was counted.

    Before mark_crossed and recount, in their transaction: they make it forgotten.

    :return: the number of cells marked.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HAS_MOVED)
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(_MARK_MOVED)
        return int(cursor.rowcount)


def refresh(*, now: datetime) -> int:
    """Write what is new for the findings of the cells in `dirty`; returns for how many.

    In the transaction of findings.rollups.take_dirty, after the recount.
    """
    with connection.cursor() as cursor:
        cursor.execute(_REFRESH, _values(now))
        written = int(cursor.rowcount)
        if written > _MANY:
            # A search reads that list from end to end.
            cursor.execute("SELECT gin_clean_pending_list(%s::regclass)", [_INDEX])
    return written


@transaction.atomic
def rebuild(*, now: datetime) -> int:
    """Write the words of every finding anew; returns for how many. Searches wait until it is done."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_indexdef(%s::regclass)", [_INDEX])
        definition = cursor.fetchone()[0]
        cursor.execute("TRUNCATE findings_findingtext")
        # Building an index in one go is many times quicker than row by row.
        cursor.execute(f"DROP INDEX {_INDEX}")
        cursor.execute(_REBUILD, _values(now))
        written = int(cursor.rowcount)
        # The references of the new rows are compared now: an index cannot be made before.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
        cursor.execute(definition)
        cursor.execute("ANALYZE findings_findingtext")
    return written


def _values(now: datetime) -> dict[str, Any]:
    return {"as_of": ageing.counted_at(now), **search.CUTTING}
