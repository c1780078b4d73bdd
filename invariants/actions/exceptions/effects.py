"""What an exception in force does to findings: marked, they count as excepted.

Whatever changes an exception brings its findings in step in the same transaction, with marks of the
cells to be counted anew. Days that are over are not touched: cells are counted for the day of the
rollup, and an episode keeps when it was excepted for good.
"""

import re
from datetime import datetime
from typing import Any, Final

from django.db import connection

from findings.models import Control
from invariants.models import ExceptionRequest
from invariants.models.exceptions import ExceptionTarget, ScopeKind

_COVERED: Final = """
CREATE TEMP TABLE exception_covers ON COMMIT DROP AS
SELECT f.id, f.status = 'OPEN' AS is_open
FROM findings_finding f JOIN inventory_account a ON a.id = f.account_id
JOIN inventory_organizationalunit o ON o.id = a.ou_id
WHERE %(is_in_force)s AND f.organization_id = %(organization)s AND a.gone_at IS NULL
    AND CASE WHEN %(key)s::bytea IS NOT NULL THEN f.key = %(key)s
        ELSE f.control_id = ANY(%(controls)s::bigint[]) END
    AND (NOT %(is_placed)s OR f.account_id = ANY(%(accounts)s::bigint[])
        OR o.path ^@ ANY(%(paths)s::text[]))
    AND (%(regions)s::text[] = '{}' OR f.region = ANY(%(regions)s::text[]))
    AND (NOT %(is_of_resources)s OR f.resource_id = ANY(%(resources)s::text[])
        OR f.resource_id ~ ANY(%(patterns)s::text[])
        OR (%(tags)s::text[] <> '{}' AND EXISTS (
            SELECT FROM findings_findingpayload p,
                jsonb_path_query(p.payload, '$.Resources[*].Tags.keyvalue()') AS tag
            WHERE p.finding_id = f.id
                AND (tag ->> 'key') || '=' || (tag ->> 'value') = ANY(%(tags)s::text[]))))
"""
_TOUCHES: Final = "CREATE TEMP TABLE exception_touches (finding_id bigint) ON COMMIT DROP"
_ADD_TOUCHED: Final = """
WITH added AS (
    INSERT INTO invariants_exceptedfinding (exception_id, finding_id, since)
    SELECT %(exception)s, id, %(now)s FROM exception_covers WHERE is_open ORDER BY id
    ON CONFLICT (exception_id, finding_id) DO NOTHING RETURNING finding_id
)
INSERT INTO exception_touches SELECT finding_id FROM added
"""
_DROP_TOUCHED: Final = """
WITH dropped AS (
    DELETE FROM invariants_exceptedfinding x WHERE x.exception_id = %(exception)s
        AND NOT EXISTS (SELECT FROM exception_covers c WHERE c.id = x.finding_id)
    RETURNING finding_id
)
INSERT INTO exception_touches SELECT finding_id FROM dropped
"""
# Rows are locked in the order in which ingest locks them.
_MARK: Final = """
WITH locked AS (
    SELECT f.id, EXISTS (
        SELECT FROM invariants_exceptedfinding x WHERE x.finding_id = f.id) AS is_covered
    FROM findings_finding f WHERE f.id IN (SELECT finding_id FROM exception_touches)
    ORDER BY f.key FOR NO KEY UPDATE
), marked AS (
    UPDATE findings_finding f SET is_excepted = l.is_covered FROM locked l
    WHERE f.id = l.id AND f.is_excepted <> l.is_covered
    RETURNING f.account_id, f.control_id
), dirty AS (
    INSERT INTO findings_dirtycell (account_id, control_id)
    SELECT DISTINCT account_id, control_id FROM marked ORDER BY 1, 2
)
SELECT count(*) FROM marked
"""
_EPISODES: Final = """
UPDATE findings_episode e SET excepted_at = %(now)s FROM exception_covers c
WHERE e.finding_id = c.id AND e.closed_at IS NULL AND e.excepted_at IS NULL
"""


def sync(request: ExceptionRequest, *, now: datetime) -> int:
    """Bring the marks of one exception in step with its state and scope; returns how many findings
    are marked or unmarked by that.

    Run again it changes nothing. A finding that other exceptions cover stays marked.
    """
    values = _values(request) | {"now": now}
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS exception_covers, exception_touches")
        cursor.execute(_COVERED, values)
        cursor.execute(_TOUCHES)
        cursor.execute(_ADD_TOUCHED, values)
        cursor.execute(_DROP_TOUCHED, values)
        cursor.execute(_MARK)
        marked = int(cursor.fetchone()[0])
        cursor.execute(_EPISODES, values)
    return marked


def _values(request: ExceptionRequest) -> dict[str, Any]:
    lines: dict[str, list[str]] = {kind: [] for kind in ScopeKind.values}
    accounts, paths = [], []
    for line in request.scope.select_related("ou"):
        lines[line.kind].append(line.value)
        if line.account_id is not None:
            accounts.append(line.account_id)
        if line.ou is not None:
            paths.append(line.ou.path)
    patterns = [_regex(one) for one in lines[ScopeKind.PATTERN]]
    resources, tags = lines[ScopeKind.RESOURCE], lines[ScopeKind.TAG]
    return {
        "exception": request.pk,
        "organization": request.organization_id,
        "is_in_force": request.is_in_force,
        "key": request.finding_key,
        "controls": _controls(request, lines[ScopeKind.CONTROL]),
        "is_placed": bool(accounts or paths),
        "accounts": accounts,
        "paths": paths,
        "regions": lines[ScopeKind.REGION],
        "is_of_resources": bool(resources or patterns or tags),
        "resources": resources,
        "patterns": patterns,
        "tags": tags,
    }


def _controls(request: ExceptionRequest, named: list[str]) -> list[int]:
    """The control itself; of an invariant only the controls that its scope names, for an invariant
    prevents more than the finding that somebody has in mind."""
    if request.target_kind == ExceptionTarget.INVARIANT:
        rows = Control.objects.filter(organization=request.organization_id, control_id__in=named)
        return list(rows.order_by("pk").values_list("pk", flat=True))
    return [] if request.control_id is None else [request.control_id]


def _regex(pattern: str) -> str:
    """A pattern with `*` and `?` as PostgreSQL's regular expression of the whole text."""
    parts = ({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return f"^{''.join(parts)}$"
