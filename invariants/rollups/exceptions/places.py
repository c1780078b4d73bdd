"""Which OUs and accounts each exception reaches, and how it stands: temporary tables of a transaction."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from invariants.models.exceptions import Mechanism
from invariants.policies.exceptions import clocks
from invariants.queries import exceptions as queries
from inventory.models import Organization

WEEK: Final = timedelta(days=7)
# `age`: whole days since the first of its line was granted; a line has two renewals at most.
# A finding without a place of its scope is where the finding is.
_PLACES: Final = """
CREATE TEMP TABLE exception_places ON COMMIT DROP AS
WITH counted AS (
    SELECT r.*, r.state IN ('EXPIRED', 'REVOKED', 'CLOSING') AS is_ended,
        r.state IN ('ACTIVE', 'EXPIRING') OR r.is_emergency AND r.verified_at IS NOT NULL
            AND r.state IN ('EMERGENCY', 'APPROVED', 'IMPLEMENTING') AS is_in_force,
        r.state IN ('EMERGENCY', 'APPROVED', 'IMPLEMENTING', 'ACTIVE', 'EXPIRING') AS is_granted,
        LEAST(r.approved_at, r.granted_at, b.approved_at, b.granted_at, f.approved_at, f.granted_at)
            AS began_at
    FROM invariants_exceptionrequest r
    LEFT JOIN invariants_exceptionrequest b ON b.id = r.renews_id
    LEFT JOIN invariants_exceptionrequest f ON f.id = b.renews_id
    WHERE r.organization_id = %(organization)s AND (r.state IN ('EMERGENCY', 'APPROVED',
        'IMPLEMENTING', 'ACTIVE', 'EXPIRING', 'EXPIRED', 'REVOKED', 'CLOSING')
        OR GREATEST(r.approved_at, r.granted_at) > %(since)s)
), standing AS (
    SELECT id, number, title, finding_key,
        floor(extract(epoch FROM %(now)s - began_at) / 86400)::int AS age,
        is_in_force AND (until IS NULL OR until >= %(today)s) AS active,
        is_in_force AND COALESCE(until BETWEEN %(today)s AND %(soon)s, false) AS expiring,
        is_ended OR is_in_force AND COALESCE(until < %(today)s, false) AS expired,
        is_ended AND COALESCE(seen_at > ended_at, false) AS zombie,
        is_in_force AND (until IS NULL OR until >= %(today)s) AND renewal >= %(most)s AS renewed_twice,
        is_granted AND mechanism <> %(none)s AS is_granted,
        is_granted AND mechanism <> %(none)s AND verified_at IS NULL AS not_in_place
    FROM counted
)
SELECT s.*, o.path, l.account_id, l.ou_id IS NOT NULL AS is_whole_ou FROM standing s
JOIN invariants_exceptionscope l ON l.request_id = s.id
LEFT JOIN inventory_account a ON a.id = l.account_id
JOIN inventory_organizationalunit o ON o.id = COALESCE(l.ou_id, a.ou_id)
UNION
SELECT s.*, o.path, f.account_id, false FROM standing s
JOIN findings_finding f ON f.organization_id = %(organization)s AND f.key = s.finding_key
JOIN inventory_account a ON a.id = f.account_id
JOIN inventory_organizationalunit o ON o.id = a.ou_id
WHERE NOT EXISTS (SELECT FROM invariants_exceptionscope l
    WHERE l.request_id = s.id AND (l.account_id IS NOT NULL OR l.ou_id IS NOT NULL))
"""
# Below an OU everything counts once that has a place there, or reaches it from above.
_REACHED: Final = """
CREATE TEMP TABLE exception_reached ON COMMIT DROP AS
SELECT DISTINCT u.id AS ou_id, p.id, p.number, p.title, p.age, p.active, p.expiring, p.expired,
    p.zombie, p.renewed_twice, p.is_granted, p.not_in_place
FROM inventory_organizationalunit u JOIN exception_places p
    ON starts_with(p.path, u.path) OR p.is_whole_ou AND starts_with(u.path, p.path)
WHERE u.organization_id = %(organization)s AND u.gone_at IS NULL
"""


def prepare(organization: Organization, *, now: datetime) -> None:
    """Make `exception_places`, one row for each place of an exception that is granted, has ended and is
    not seen removed, or was granted in the last seven days; and `exception_reached`, one for each OU that
    it reaches."""
    today = queries.moment_of(organization, now).today
    values: dict[str, Any] = {
        "organization": organization.pk,
        "now": now,
        "today": today,
        "since": now - WEEK,
        "soon": today + timedelta(days=clocks.VERSIONS[clocks.NEWEST].expiring_days),
        "most": clocks.MOST_RENEWALS,
        "none": Mechanism.NONE.value,
    }
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS exception_reached, exception_places")
        cursor.execute(_PLACES, values)
        cursor.execute(_REACHED, values)
