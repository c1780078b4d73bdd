"""What each exception that holds does: its recorded use, how much it lets through, what came up in it."""

from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction

from invariants.models import TrailFeed
from invariants.models.exceptions import Mechanism
from inventory.models import Organization

# Use counts that lies no further back than this (invariants.md 5.5).
WINDOW: Final = timedelta(days=90)
# A feed that has been silent for longer has a gap.
_SILENT: Final = timedelta(days=2)
_LIVE: Final = """
CREATE TEMP TABLE live_exceptions ON COMMIT DROP AS
SELECT id, invariant_id, finding_key, mechanism, verified_at, compensating FROM invariants_exceptionrequest r
WHERE r.organization_id = %(organization)s AND (r.state IN ('ACTIVE', 'EXPIRING')
    OR r.is_emergency AND r.verified_at IS NOT NULL
        AND r.state IN ('EMERGENCY', 'APPROVED', 'IMPLEMENTING'))
"""
_ACCOUNTS: Final = """
CREATE TEMP TABLE live_accounts ON COMMIT DROP AS
SELECT r.id AS request_id, l.account_id FROM live_exceptions r
JOIN invariants_exceptionscope l ON l.request_id = r.id WHERE l.account_id IS NOT NULL
UNION
SELECT r.id, a.id FROM live_exceptions r JOIN invariants_exceptionscope l ON l.request_id = r.id
JOIN inventory_organizationalunit top ON top.id = l.ou_id
JOIN inventory_organizationalunit o ON o.organization_id = top.organization_id
    AND starts_with(o.path, top.path)
JOIN inventory_account a ON a.ou_id = o.id AND a.gone_at IS NULL
UNION
SELECT r.id, f.account_id FROM live_exceptions r
JOIN findings_finding f ON f.organization_id = %(organization)s AND f.key = r.finding_key
"""
# Nothing records which tags a principal carries: who is exempt by one is among all that were denied, or nobody.
# A wildcard is one of a regular expression. What policies denied in the scope: before it was in place, or because it is narrower than the need.
_USE: Final = r"""
CREATE TEMP TABLE live_use ON COMMIT DROP AS
WITH lines AS (
    SELECT l.request_id, l.kind, '^' || replace(replace(regexp_replace(
        l.value, '([.^$+(){}\[\]|\\])', '\\\1', 'g'), '*', '.*'), '?', '.') || '$' AS pattern
    FROM invariants_exceptionscope l JOIN live_exceptions r ON r.id = l.request_id
    WHERE l.kind IN ('PRINCIPAL', 'PRINCIPAL_TAG', 'ACTION')
)
SELECT r.id AS request_id, max(y.day) AS used_on, count(DISTINCT (d.principal, d.action)) AS pairs
FROM live_exceptions r JOIN invariants_denialserves s ON s.invariant_id = r.invariant_id
JOIN invariants_denial d ON d.id = s.denial_id AND d.principal <> ''
JOIN live_accounts a ON a.request_id = r.id AND a.account_id = d.account_id
JOIN invariants_denialday y ON y.denial_id = d.id AND y.day >= %(recorded_from)s
WHERE r.mechanism <> %(none)s
    AND (NOT EXISTS (SELECT FROM lines l WHERE l.request_id = r.id AND l.kind = 'PRINCIPAL')
        OR EXISTS (SELECT FROM lines l WHERE l.request_id = r.id AND l.kind = 'PRINCIPAL_TAG')
        OR EXISTS (SELECT FROM lines l WHERE l.request_id = r.id AND l.kind = 'PRINCIPAL'
            AND d.principal ~ l.pattern))
    AND (NOT EXISTS (SELECT FROM lines l WHERE l.request_id = r.id AND l.kind = 'ACTION')
        OR EXISTS (SELECT FROM lines l WHERE l.request_id = r.id AND l.kind = 'ACTION'
            AND d.action ~* l.pattern))
GROUP BY r.id
"""
_WRITE: Final = r"""
WITH named AS (
    SELECT r.id, count(*) FILTER (WHERE l.kind = 'PRINCIPAL') AS principals,
        count(*) FILTER (WHERE l.kind = 'PRINCIPAL_TAG') AS tags,
        count(*) FILTER (WHERE l.kind = 'ACTION') AS actions
    FROM live_exceptions r JOIN invariants_exceptionscope l ON l.request_id = r.id GROUP BY r.id
), inside AS (
    SELECT x.exception_id, count(*) AS findings FROM invariants_exceptedfinding x
    JOIN live_exceptions r ON r.id = x.exception_id
    JOIN findings_finding f ON f.id = x.finding_id AND f.created_at > r.verified_at
    GROUP BY x.exception_id
), compensates AS (
    SELECT DISTINCT r.id AS request_id, c.id AS control_id, c.status = 'ENABLED' AS is_enabled
    FROM live_exceptions r
    CROSS JOIN LATERAL regexp_matches(r.compensating, '\m([A-Z][A-Za-z0-9]*\.[0-9]+)\M', 'g') AS m (id)
    JOIN findings_control c ON c.organization_id = %(organization)s AND c.control_id = m.id[1]
), looked AS (
    SELECT c.request_id, c.control_id, c.is_enabled,
        bool_or(f.status = 'OPEN') AS is_open, bool_or(f.status = 'PASSED') AS is_passed
    FROM compensates c LEFT JOIN live_accounts a ON a.request_id = c.request_id
    LEFT JOIN findings_finding f ON f.control_id = c.control_id AND f.account_id = a.account_id
    GROUP BY 1, 2, 3
), compensated AS (
    SELECT request_id, bool_and(CASE WHEN NOT is_enabled OR is_open THEN false
        WHEN is_passed THEN true END) AS is_compensated,
        bool_or(is_enabled AND NOT COALESCE(is_open, false) AND is_passed IS NOT TRUE) AS is_unsure
    FROM looked GROUP BY request_id
)
INSERT INTO invariants_exceptionmeasure
    (request_id, at, recorded_from, used_on, pairs, findings_inside, is_compensated)
SELECT r.id, %(now)s,
    CASE WHEN r.invariant_id IS NOT NULL AND r.mechanism <> %(none)s
        AND NOT (COALESCE(n.tags, 0) > 0 AND u.request_id IS NOT NULL)
        THEN %(recorded_from)s::date END,
    CASE WHEN COALESCE(n.tags, 0) = 0 THEN u.used_on END,
    CASE WHEN r.mechanism = %(none)s OR n.tags > 0 THEN NULL
        WHEN n.principals > 0 AND n.actions > 0 THEN n.principals * n.actions ELSE u.pairs END,
    COALESCE(i.findings, 0),
    CASE WHEN c.is_compensated IS FALSE THEN false
        WHEN NOT c.is_unsure THEN c.is_compensated END
FROM live_exceptions r LEFT JOIN named n ON n.id = r.id LEFT JOIN live_use u ON u.request_id = r.id
LEFT JOIN inside i ON i.exception_id = r.id LEFT JOIN compensated c ON c.request_id = r.id
ORDER BY r.id
ON CONFLICT (request_id) DO UPDATE SET at = EXCLUDED.at, recorded_from = EXCLUDED.recorded_from,
    used_on = EXCLUDED.used_on, pairs = EXCLUDED.pairs,
    findings_inside = EXCLUDED.findings_inside, is_compensated = EXCLUDED.is_compensated
"""


@transaction.atomic
def write(organization: Organization, *, now: datetime) -> int:
    """Measure every exception in force; returns how many there are."""
    values: dict[str, Any] = {
        "organization": organization.pk,
        "now": now,
        "recorded_from": _recorded_from(organization, now),
        "none": Mechanism.NONE.value,
    }
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS live_use, live_accounts, live_exceptions")
        for statement in (_LIVE, _ACCOUNTS, _USE, _WRITE):
            cursor.execute(statement, values)
        return int(cursor.rowcount)


def _recorded_from(organization: Organization, now: datetime) -> date | None:
    """Since when records of calls come in without a gap; None where none come."""
    feeds = TrailFeed.objects.filter(organization=organization, last_event_at__gte=now - _SILENT)
    first = feeds.order_by("first_event_at").values_list("first_event_at", flat=True).first()
    return None if first is None else max(first, now - WINDOW).date()
