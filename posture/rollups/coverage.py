"""From facts to coverage: in how many Regions of each account each security service is on.

The one count behind the coverage page and K22. What a service tells comes first; of the four of
detection a fresh check of Security Hub in that Region stands in where the service did not tell.
Half a million facts of 2,000 accounts in 17 Regions are read here, once a collection; pages read
ten rows an account.
"""

from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from inventory.facts import Fact
from posture.models import RollupState
from posture.queries.coverage.services import (
    FACTS,
    NOT_EVERYWHERE,
    SERVICES,
    TOLD_BY_ADMINISTRATORS,
    column,
)
from posture.scoring import STALE_AFTER

NAME: Final = "coverage"
# What a check says of its service, and that Security Hub is on where any of them ran.
_CHECKS: Final = {
    "CloudTrail.1": Fact.CLOUDTRAIL,
    "Config.1": Fact.CONFIG_RECORDER,
    "GuardDuty.1": Fact.GUARDDUTY,
}

# Bit i is the i-th fact. A fact is on, off, denied or absent (AWS does not offer it there); with no bit
# in any of them nobody has told it, or it was told too long ago.
_COUNT: Final = """
WITH account AS MATERIALIZED (
    SELECT id, organization_id FROM inventory_account WHERE gone_at IS NULL AND state = 'ACTIVE'
),
told AS MATERIALIZED (
    SELECT f.account_id, a.organization_id, f.region, f.value #>> '{}' AS status
    FROM inventory_accountfact f JOIN account a ON a.id = f.account_id
    WHERE f.key = 'region.status' AND f.state = 'KNOWN'
),
-- A Region that is on by default cannot be off, whoever has not told of it; nor can the home Region.
everywhere AS (
    SELECT organization_id, region FROM told WHERE status = 'ENABLED_BY_DEFAULT'
    UNION
    SELECT id, home_region FROM inventory_organization WHERE home_region <> ''
),
pair AS MATERIALIZED (
    SELECT account_id, region FROM told WHERE status IN ('ENABLED', 'ENABLED_BY_DEFAULT')
    UNION ALL
    SELECT a.id, r.region
    FROM account a JOIN everywhere r ON r.organization_id = a.organization_id
    WHERE NOT EXISTS (SELECT FROM told t WHERE t.account_id = a.id)
),
asked AS (
    SELECT key, 1 << (place - 1)::int AS bit
    FROM unnest(%(facts)s::text[]) WITH ORDINALITY AS k (key, place)
),
fact AS MATERIALIZED (
    SELECT f.account_id, f.region,
        bit_or(k.bit) FILTER (WHERE f.state = 'KNOWN' AND f.as_of >= %(stale_before)s
            AND f.value = 'true') AS is_on,
        bit_or(k.bit) FILTER (WHERE f.state = 'KNOWN' AND f.as_of >= %(stale_before)s
            AND f.value <> 'true') AS is_off,
        bit_or(k.bit) FILTER (WHERE f.state = 'DENIED') AS denied,
        bit_or(k.bit) FILTER (WHERE f.state = 'UNAVAILABLE'
            AND f.key = ANY(%(absent_if_unavailable)s)) AS absent,
        json_object_agg(k.bit, f.missing_permission)
            FILTER (WHERE f.state = 'DENIED' AND f.missing_permission <> '') AS missing
    FROM inventory_accountfact f
    JOIN account a ON a.id = f.account_id
    JOIN asked k ON k.key = f.key
    GROUP BY f.account_id, f.region
),
by_fact AS MATERIALIZED (
    SELECT p.account_id, p.region,
        coalesce(f.is_on, 0) AS is_on, coalesce(f.is_off, 0) AS is_off,
        coalesce(f.denied, 0) AS denied, coalesce(f.absent, 0) AS absent, f.missing
    FROM pair p
    LEFT JOIN fact f ON f.account_id = p.account_id AND f.region = p.region
),
checked AS (
    SELECT f.account_id, f.region, k.bit, bool_and(f.status = 'PASSED') AS passes
    FROM by_fact b
    JOIN findings_finding f ON f.account_id = b.account_id AND f.region = b.region
    JOIN findings_control c ON c.id = f.control_id
    JOIN unnest(%(checks)s::text[], %(check_bits)s::int[]) AS k (control, bit)
        ON k.control = c.control_id
    WHERE (b.is_on | b.is_off) & %(detection)s <> %(detection)s
        AND f.resource_type = 'AwsAccount' AND f.status IN ('OPEN', 'PASSED')
        AND f.updated_at > %(checked_since)s
    GROUP BY f.account_id, f.region, k.bit
),
by_check AS (
    SELECT account_id, region,
        coalesce(bit_or(bit) FILTER (WHERE passes), 0) | %(hub)s AS is_on,
        coalesce(bit_or(bit) FILTER (WHERE NOT passes), 0) AS is_off
    FROM checked GROUP BY account_id, region
),
known AS MATERIALIZED (
    SELECT account_id, region, is_on, is_off, denied & ~(is_on | is_off) AS denied, absent, missing
    FROM (
        SELECT f.account_id, f.region, f.denied, f.absent, f.missing,
            f.is_on | coalesce(c.is_on & ~(f.is_on | f.is_off), 0) AS is_on,
            f.is_off | coalesce(c.is_off & ~(f.is_on | f.is_off), 0) AS is_off
        FROM by_fact f
        LEFT JOIN by_check c ON c.account_id = f.account_id AND c.region = f.region
    ) both_ways
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
                s.mask & ~(k.is_on | k.is_off | k.denied | k.absent),
                coalesce(k.missing, '{}'::json), k.absent & s.mask & ~(k.is_on | k.is_off)
            ) ORDER BY k.region
        ) FILTER (WHERE k.is_on & s.mask <> s.mask), '[]'
    ) AS gaps
FROM known k
CROSS JOIN service s
WHERE k.absent & s.mask & %(not_everywhere_bits)s = 0
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
                **_checks(now),
                "facts": [str(fact) for fact in FACTS],
                "absent_if_unavailable": [str(fact) for fact in TOLD_BY_ADMINISTRATORS],
                "not_everywhere_bits": sum(1 << FACTS.index(fact) for fact in NOT_EVERYWHERE),
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


def _checks(now: datetime) -> dict[str, Any]:
    """What stands in where a service did not tell; facts as bits by their place in FACTS."""
    detection = column("detection")
    assert detection is not None
    return {
        "checks": list(_CHECKS),
        "check_bits": [1 << FACTS.index(fact) for fact in _CHECKS.values()],
        "hub": 1 << FACTS.index(Fact.SECURITY_HUB),
        "detection": detection.mask,
        "checked_since": now - STALE_AFTER,
    }
