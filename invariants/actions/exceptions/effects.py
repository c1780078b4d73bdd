"""What an exception in force does to findings: marked, they count as excepted.

Whatever changes an exception brings its findings in step in the same transaction, with marks of the
cells to be counted anew. Days that are over are not touched: cells are counted for the day of the
rollup, and an episode keeps when it was excepted for good.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import connection

from findings.models import Control
from invariants.models import ExceptedFinding, ExceptionRequest, ExceptionScope
from invariants.models.exceptions import ExceptionTarget, ScopeKind

_TABLES: Final = """
DROP TABLE IF EXISTS exception_scopes, exception_places, exception_covers, exception_touches;
CREATE TEMP TABLE exception_touches (finding_id bigint) ON COMMIT DROP
"""
_SCOPES: Final = """
CREATE TEMP TABLE exception_scopes ON COMMIT DROP AS
SELECT * FROM jsonb_to_recordset(%(scopes)s::jsonb) AS s (
    exception bigint, organization bigint, finding_key text, controls bigint[], is_placed boolean,
    accounts bigint[], paths text[], regions text[], is_of_resources boolean, resources text[],
    patterns text[], tags text[])
"""
# Cells are found by control and account together: a control alone may have a hundred thousand findings.
_PLACES: Final = """
CREATE TEMP TABLE exception_places ON COMMIT DROP AS
SELECT s.exception, a.id AS account_id
FROM exception_scopes s JOIN inventory_account a ON a.organization_id = s.organization
JOIN inventory_organizationalunit o ON o.id = a.ou_id
WHERE s.finding_key = '' AND s.controls <> '{}' AND a.gone_at IS NULL
    AND (NOT s.is_placed OR a.id = ANY(s.accounts) OR o.path ^@ ANY(s.paths));
ANALYZE exception_places
"""
_COVERED: Final = """
CREATE TEMP TABLE exception_covers ON COMMIT DROP AS
WITH reached AS (
    SELECT s.exception, f.id, f.status, f.region, f.resource_id
    FROM exception_scopes s
    JOIN findings_finding f
        ON f.organization_id = s.organization AND f.key = decode(s.finding_key, 'hex')
    JOIN inventory_account a ON a.id = f.account_id
    JOIN inventory_organizationalunit o ON o.id = a.ou_id
    WHERE s.finding_key <> '' AND a.gone_at IS NULL
        AND (NOT s.is_placed OR a.id = ANY(s.accounts) OR o.path ^@ ANY(s.paths))
    UNION ALL
    SELECT s.exception, f.id, f.status, f.region, f.resource_id
    FROM exception_scopes s
    JOIN exception_places p ON p.exception = s.exception
    CROSS JOIN LATERAL unnest(s.controls) AS c (id)
    -- One step down the index of cells each: joined in one piece, all findings would be read.
    CROSS JOIN LATERAL (
        SELECT x.id, x.status, x.region, x.resource_id FROM findings_finding x
        WHERE x.control_id = c.id AND x.account_id = p.account_id OFFSET 0) f
)
SELECT r.exception, r.id, r.status = 'OPEN' AS is_open
FROM reached r JOIN exception_scopes s ON s.exception = r.exception
WHERE (s.regions = '{}' OR r.region = ANY(s.regions))
    AND (NOT s.is_of_resources OR r.resource_id = ANY(s.resources)
        OR r.resource_id LIKE ANY(s.patterns)
        OR (s.tags <> '{}' AND EXISTS (
            SELECT FROM findings_findingpayload p,
                jsonb_path_query(p.payload, '$.Resources[*].Tags.keyvalue()') AS tag
            WHERE p.finding_id = r.id
                AND (tag ->> 'key') || '=' || (tag ->> 'value') = ANY(s.tags))));
ANALYZE exception_covers
"""
_MATCHING: Final = "SELECT DISTINCT exception FROM exception_covers"
_ADD_TOUCHED: Final = """
WITH added AS (
    INSERT INTO invariants_exceptedfinding (exception_id, finding_id, since)
    SELECT exception, id, %(now)s FROM exception_covers WHERE is_open ORDER BY exception, id
    ON CONFLICT (exception_id, finding_id) DO NOTHING RETURNING finding_id
)
INSERT INTO exception_touches SELECT finding_id FROM added
"""
_DROP_TOUCHED: Final = """
WITH dropped AS (
    DELETE FROM invariants_exceptedfinding x WHERE x.exception_id = ANY(%(exceptions)s)
        AND NOT EXISTS (
            SELECT FROM exception_covers c
            WHERE c.exception = x.exception_id AND c.id = x.finding_id)
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
    return sync_all([request], now=now)


def sync_all(requests: Sequence[ExceptionRequest], *, now: datetime) -> int:
    """As `sync`, of several at once: a dozen statements, whatever their number."""
    in_force = [one for one in requests if one.is_in_force]
    if not in_force and not ExceptedFinding.objects.filter(exception__in=requests).exists():
        return 0
    values: dict[str, Any] = {"now": now, "exceptions": [one.pk for one in requests]}
    with connection.cursor() as cursor:
        _cover(cursor, in_force)
        cursor.execute(_ADD_TOUCHED, values)
        touched = cursor.rowcount
        cursor.execute(_DROP_TOUCHED, values)
        touched += cursor.rowcount
        marked = _mark(cursor) if touched else 0
        cursor.execute(_EPISODES, values)
    return marked


def _mark(cursor: Any) -> int:
    cursor.execute("ANALYZE exception_touches")
    cursor.execute(_MARK)
    return int(cursor.fetchone()[0])


def matching(requests: Sequence[ExceptionRequest]) -> frozenset[int]:
    """Of which of these the scope has any finding, in whatever state, in an account that is not gone:
    their keys. Must be in a transaction."""
    if not requests:
        return frozenset()
    with connection.cursor() as cursor:
        _cover(cursor, requests)
        cursor.execute(_MATCHING)
        return frozenset(pk for (pk,) in cursor.fetchall())


def _cover(cursor: Any, requests: Sequence[ExceptionRequest]) -> None:
    """Put what each of these covers into exception_covers."""
    cursor.execute(_TABLES)
    cursor.execute(_SCOPES, {"scopes": json.dumps(list(_scopes(requests)))})
    cursor.execute(_PLACES)
    cursor.execute(_COVERED)


def _scopes(requests: Sequence[ExceptionRequest]) -> Iterable[dict[str, Any]]:
    """Two queries, three where an invariant names controls."""
    lines: dict[int, list[ExceptionScope]] = {one.pk: [] for one in requests}
    if requests:
        rows = ExceptionScope.objects.filter(request__in=list(lines)).select_related("ou")
        for line in rows.order_by("pk"):
            lines[line.request_id].append(line)
    controls = _controls(requests, lines)
    for one in requests:
        yield _scope(one, lines[one.pk], controls)


def _scope(
    request: ExceptionRequest, lines: list[ExceptionScope], controls: dict[tuple[int, str], int]
) -> dict[str, Any]:
    def of(kind: str) -> list[str]:
        return [line.value for line in lines if line.kind == kind]

    accounts = [line.account_id for line in lines if line.account_id is not None]
    paths = [line.ou.path for line in lines if line.ou is not None]
    patterns = [_like(one) for one in of(ScopeKind.PATTERN)]
    resources, tags = of(ScopeKind.RESOURCE), of(ScopeKind.TAG)
    if request.target_kind == ExceptionTarget.INVARIANT:
        named = {(request.organization_id, name) for name in of(ScopeKind.CONTROL)}
        found = sorted(controls[one] for one in named if one in controls)
    else:
        found = [] if request.control_id is None else [request.control_id]
    return {
        "exception": request.pk,
        "organization": request.organization_id,
        "finding_key": bytes(request.finding_key).hex() if request.finding_key else "",
        "controls": found,
        "is_placed": bool(accounts or paths),
        "accounts": accounts,
        "paths": paths,
        "regions": of(ScopeKind.REGION),
        "is_of_resources": bool(resources or patterns or tags),
        "resources": resources,
        "patterns": patterns,
        "tags": tags,
    }


def _controls(
    requests: Sequence[ExceptionRequest], lines: dict[int, list[ExceptionScope]]
) -> dict[tuple[int, str], int]:
    """The controls that scopes of invariants name, by organisation and id: an invariant prevents more
    than the finding that somebody has in mind, so that no other control's findings are covered."""
    names = {
        line.value
        for one in requests
        if one.target_kind == ExceptionTarget.INVARIANT
        for line in lines[one.pk]
        if line.kind == ScopeKind.CONTROL
    }
    if not names:
        return {}
    rows = Control.objects.filter(
        organization__in={one.organization_id for one in requests}, control_id__in=names
    )
    return {(of, name): pk for of, name, pk in rows.values_list("organization", "control_id", "pk")}


# A regular expression of as many stars as somebody likes would be too complex for the database at some
# point, and with it the marks of all exceptions that are brought in step at once.
_LIKE: Final = str.maketrans(
    {"*": "%", "?": "_", "%": r"\%", "_": r"\_", "\\": r"\\"},
)


def _like(pattern: str) -> str:
    """A pattern with `*` and `?` as LIKE of PostgreSQL has it."""
    return pattern.translate(_LIKE)
