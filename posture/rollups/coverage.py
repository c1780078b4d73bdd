"""From facts to coverage: in how many Regions of each account each security service is on.

Half a million facts of 2,000 accounts in 17 Regions are read here, once a collection; pages read
ten rows an account.
"""

from datetime import datetime
from typing import Final

from django.db import connection, transaction

from posture.models import RollupState
from posture.queries.coverage.services import FACTS, NOT_EVERYWHERE, SERVICES

NAME: Final = "coverage"

# Bit i is the i-th fact. A fact is on, off, denied or absent (AWS does not offer it there); with no bit
# in any of them nobody has told it, or it was told too long ago.
_COUNT: Final = """
WITH account AS MATERIALIZED (
    SELECT id FROM inventory_account WHERE gone_at IS NULL AND state = 'ACTIVE'
),
told AS MATERIALIZED (
    SELECT f.account_id, f.region, f.value #>> '{}' AS status
    FROM inventory_accountfact f JOIN account a ON a.id = f.account_id
    WHERE f.key = 'region.status'
),
pair AS (
    SELECT account_id, region FROM told WHERE status IN ('ENABLED', 'ENABLED_BY_DEFAULT')
    UNION ALL
    -- A Region that is on by default cannot be off, whoever has not told of it.
    SELECT a.id, r.region
    FROM account a
    CROSS JOIN (SELECT DISTINCT region FROM told WHERE status = 'ENABLED_BY_DEFAULT') r
    WHERE NOT EXISTS (SELECT FROM told t WHERE t.account_id = a.id)
),
asked AS (
    SELECT key, 1 << (place - 1)::int AS bit
    FROM unnest(%(facts)s::text[]) WITH ORDINALITY AS k (key, place)
),
fact AS (
    SELECT f.account_id, f.region,
        bit_or(k.bit) FILTER (WHERE f.state = 'KNOWN' AND f.as_of >= %(stale_before)s
            AND f.value = 'true') AS is_on,
        bit_or(k.bit) FILTER (WHERE f.state = 'KNOWN' AND f.as_of >= %(stale_before)s
            AND f.value <> 'true') AS is_off,
        bit_or(k.bit) FILTER (WHERE f.state = 'DENIED') AS denied,
        bit_or(k.bit) FILTER (WHERE f.state = 'UNAVAILABLE'
            AND f.key = ANY(%(not_everywhere)s)) AS absent,
        json_object_agg(k.bit, f.missing_permission)
            FILTER (WHERE f.state = 'DENIED' AND f.missing_permission <> '') AS missing
    FROM inventory_accountfact f
    JOIN account a ON a.id = f.account_id
    JOIN asked k ON k.key = f.key
    GROUP BY f.account_id, f.region
),
known AS MATERIALIZED (
    SELECT p.account_id, p.region,
        coalesce(f.is_on, 0) AS is_on, coalesce(f.is_off, 0) AS is_off,
        coalesce(f.denied, 0) AS denied, coalesce(f.absent, 0) AS absent, f.missing
    FROM pair p
    LEFT JOIN fact f ON f.account_id = p.account_id AND f.region = p.region
),
service AS (
    SELECT * FROM unnest(%(slugs)s::text[], %(masks)s::int[]) AS s (slug, mask)
)
SELECT k.account_id, s.slug,
    count(*)::int AS expected,
    (count(*) FILTER (WHERE k.is_on & s.mask = s.mask))::int AS on_pairs,
    -- One service that is off settles a pair, whatever is known of the others.
    (count(*) FILTER (WHERE k.is_on & s.mask = s.mask OR k.is_off & s.mask <> 0))::int AS told,
    (count(*) FILTER (WHERE k.is_off & s.mask = 0 AND k.denied & s.mask <> 0))::int AS denied,
    coalesce(
        jsonb_agg(
            jsonb_build_array(
                k.region, k.is_off & s.mask, k.denied & s.mask,
                s.mask & ~(k.is_on | k.is_off | k.denied), coalesce(k.missing, '{}'::json)
            ) ORDER BY k.region
        ) FILTER (WHERE k.is_on & s.mask <> s.mask), '[]'
    ) AS gaps
FROM known k
CROSS JOIN service s
WHERE k.absent & s.mask = 0
GROUP BY k.account_id, s.slug
"""
_WRITE: Final = """
INSERT INTO posture_accountcoverage AS c
    (account_id, service, expected, "on", told, denied, gaps)
SELECT account_id, slug, expected, on_pairs, told, denied, gaps FROM counted
ON CONFLICT (service, account_id) DO UPDATE SET
    expected = excluded.expected, "on" = excluded."on", told = excluded.told,
    denied = excluded.denied, gaps = excluded.gaps
WHERE (c.expected, c."on", c.told, c.denied, c.gaps) IS DISTINCT FROM
    (excluded.expected, excluded."on", excluded.told, excluded.denied, excluded.gaps)
"""
_FORGET: Final = """
DELETE FROM posture_accountcoverage c
WHERE NOT EXISTS (SELECT FROM counted n WHERE n.account_id = c.account_id AND n.slug = c.service)
"""


@transaction.atomic
def count_coverage(*, now: datetime, stale_before: datetime) -> int:
    """Count all accounts anew; facts older than `stale_before` are not known any more.

    Returns how many rows changed. Safe to run twice; two at once wait for each other.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('posture.count_coverage'))")
        cursor.execute("DROP TABLE IF EXISTS pg_temp.counted")
        cursor.execute(
            f"CREATE TEMP TABLE counted ON COMMIT DROP AS {_COUNT}",
            {
                "facts": [str(fact) for fact in FACTS],
                "not_everywhere": sorted(str(fact) for fact in NOT_EVERYWHERE),
                "stale_before": stale_before,
                "slugs": [one.slug for one in SERVICES],
                "masks": [one.mask for one in SERVICES],
            },
        )
        cursor.execute(_WRITE)
        changed: int = cursor.rowcount
        cursor.execute(_FORGET)
        changed += cursor.rowcount
    RollupState.objects.update_or_create(name=NAME, defaults={"day": now.date(), "as_of": now})
    return changed
