"""How many exceptions stand how, by OU: one row a day, only where something changed."""

from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from invariants.queries.exceptions.deployed import unapproved
from invariants.queries.exceptions.history import STALE_AFTER
from invariants.rollups.exceptions import places
from inventory.models import Organization

_WRITE: Final = """
WITH counted AS (
    SELECT u.id AS ou_id, count(*) FILTER (WHERE r.active) AS active,
        count(*) FILTER (WHERE r.expiring) AS expiring,
        count(*) FILTER (WHERE r.expired) AS expired, count(*) FILTER (WHERE r.zombie) AS zombies,
        count(*) FILTER (WHERE r.renewed_twice) AS renewed_twice,
        count(*) FILTER (WHERE r.is_granted) AS granted,
        count(*) FILTER (WHERE r.not_in_place) AS not_in_place,
        CASE WHEN u.depth = 0 THEN %(unapproved)s::int END AS unapproved
    FROM inventory_organizationalunit u LEFT JOIN exception_reached r ON r.ou_id = u.id
    WHERE u.organization_id = %(organization)s AND u.gone_at IS NULL GROUP BY u.id
), changed AS (
    SELECT c.* FROM counted c LEFT JOIN LATERAL (
        SELECT * FROM invariants_exceptionday d WHERE d.ou_id = c.ou_id AND d.day <= %(day)s
        ORDER BY d.day DESC LIMIT 1) d ON true
    WHERE d.day IS NULL OR d.day <= %(day)s::date - %(stale)s
        OR (c.active, c.expiring, c.expired, c.zombies, c.renewed_twice, c.granted, c.not_in_place,
            c.unapproved) IS DISTINCT FROM (d.active, d.expiring, d.expired, d.zombies,
            d.renewed_twice, d.granted, d.not_in_place, d.unapproved)
)
INSERT INTO invariants_exceptionday (organization_id, ou_id, day,
    active, expiring, expired, zombies, renewed_twice, granted, not_in_place, unapproved)
SELECT %(organization)s, ou_id, %(day)s, active, expiring, expired, zombies, renewed_twice, granted,
    not_in_place, unapproved FROM changed ORDER BY ou_id
ON CONFLICT (ou_id, day) DO UPDATE SET active = EXCLUDED.active, expiring = EXCLUDED.expiring,
    expired = EXCLUDED.expired, zombies = EXCLUDED.zombies, renewed_twice = EXCLUDED.renewed_twice,
    granted = EXCLUDED.granted, not_in_place = EXCLUDED.not_in_place, unapproved = EXCLUDED.unapproved
"""


@transaction.atomic
def write(organization: Organization, *, now: datetime) -> int:
    """Count for the day of `now`; days before it are not touched. Returns how many OUs changed."""
    places.prepare(organization, now=now)
    values: dict[str, Any] = {
        "organization": organization.pk,
        "day": now.date(),
        "stale": STALE_AFTER.days,
        "unapproved": unapproved(organization),
    }
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, values)
        return int(cursor.rowcount)
