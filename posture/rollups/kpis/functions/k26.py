"""K26: vulnerabilities that are past the deadline of their tier, as pairs of CVE and resource.

The tier of a finding is that of its strictest vulnerability (findings/clocks.py): the days of its
rule. A finding for which there is no fix has no deadline yet and is in no tier.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from findings.ingest import clocks
from inventory.facts import Fact
from inventory.models import Organization
from posture.rollups.kpis import episodes
from posture.rollups.kpis.rows import Select
from posture.scoring import STALE_AFTER

TIERS: Final = (("3 days", 3), ("14 days", 14), ("60 days", 60))
_INSPECTOR: Final = [Fact.INSPECTOR_EC2, Fact.INSPECTOR_ECR, Fact.INSPECTOR_LAMBDA]
# How long a vulnerability finding says that the account was scanned.
_SCANNED_DAYS: Final = 90

# Days of a rule such as "bod:14" or "bod:3-triage"; NULL of "bod:next-upgrade" and "no-fix".
_RULE_DAYS: Final = "substring(e.sla_rule FROM '^bod:([0-9]+)')::int"
# Of several findings on one pair, the strictest counts.
_PAIRS: Final = f"""
opened AS MATERIALIZED (
    SELECT e.account_id, e.finding_id, e.due_at < %(as_of)s AS is_overdue,
        {_RULE_DAYS} AS days
    FROM findings_episode e
    WHERE e.sla_rule LIKE 'bod:%%' AND {episodes.IS_OPEN}
), pairs AS (
    SELECT o.account_id, v.cve, f.resource_hash, CASE WHEN min(o.days) <= 3 THEN 3
        WHEN min(o.days) <= 14 THEN 14 WHEN min(o.days) IS NOT NULL THEN 60 END AS tier,
        bool_or(o.is_overdue) AS is_overdue
    FROM opened o JOIN findings_finding f ON f.id = o.finding_id AND NOT f.is_excepted
    JOIN findings_findingvulnerability v ON v.finding_id = o.finding_id
    GROUP BY 1, 2, 3
), tiers AS (
    SELECT account_id, tier, count(*) AS open, count(*) FILTER (WHERE is_overdue) AS overdue
    FROM pairs WHERE tier IS NOT NULL GROUP BY 1, 2
)"""
# Where Inspector does not look, that nothing is overdue says nothing. Whether it looks is told of
# the present alone; of an earlier day only by what it had found.
_SCANNED: Final = """
scanned AS (
    SELECT DISTINCT f.account_id FROM inventory_accountfact f
    WHERE %(is_present)s AND f.key = ANY(%(inspector)s) AND f.state = 'KNOWN'
        AND f.value = 'true'::jsonb AND f.as_of > %(fresh_since)s
    UNION
    SELECT DISTINCT e.account_id FROM findings_episode e
    WHERE (e.sla_rule LIKE 'bod:%%' OR e.sla_rule = 'no-fix')
        AND e.opened_at < %(as_of)s AND (e.closed_at IS NULL OR e.closed_at >= %(since)s)
)"""
_ROWS: Final = f"""
WITH {_PAIRS}, {_SCANNED}, sums AS (
    SELECT account_id, sum(overdue) FILTER (WHERE tier <= 14) AS overdue,
        sum(overdue) FILTER (WHERE tier = 3) AS three,
        sum(overdue) FILTER (WHERE tier = 14) AS fourteen,
        sum(open) FILTER (WHERE tier = 14) AS fourteen_open
    FROM tiers GROUP BY 1
)
SELECT a.account_id, p.part, COALESCE(p.n, 0), COALESCE(p.d, 0),
    (x.account_id IS NOT NULL AND %(has_catalogue)s)::int, 1
FROM flow_accounts_of_day a LEFT JOIN sums s USING (account_id) LEFT JOIN scanned x USING (account_id)
CROSS JOIN LATERAL (VALUES ('', s.overdue, 0), ('three_days', s.three, 0),
    ('fourteen_days', s.fourteen, s.fourteen_open)) p (part, n, d)
WHERE p.part <> 'fourteen_days' OR p.d > 0
"""
_TIERS: Final = f"""
WITH {_PAIRS}
SELECT a.ou_id, t.tier, sum(t.open)::bigint, sum(t.overdue)::bigint
FROM tiers t JOIN flow_accounts_of_day a ON a.account_id = t.account_id GROUP BY 1, 2
"""


def k26(day: date, *, organization: Organization, now: datetime) -> Select:
    """A row for each scored account and part. One statement."""
    told = episodes.values(day, organization=organization, now=now, since=_SCANNED_DAYS)
    told |= {
        "inspector": [str(key) for key in _INSPECTOR],
        # A day that is over is filled for the last time in the days after it.
        "is_present": now - told["as_of"] < STALE_AFTER,
        "fresh_since": now - STALE_AFTER,
        # Without the catalogue of what is exploited nothing has a tier, and none overdue says nothing.
        "has_catalogue": clocks.has_catalogue(),
    }
    return episodes.rows(_ROWS, told)


def details(
    day: date, *, organization: Organization, now: datetime
) -> Mapping[int, dict[str, Any]]:
    """Of each OU by tier: (tier, pairs that are open, of those overdue)."""
    told = episodes.values(day, organization=organization, now=now)
    found: dict[int, Counter[tuple[int, str]]] = {}
    for ou, tier, is_open, overdue in episodes.fetch(_TIERS, told):
        tally = found.setdefault(ou, Counter())
        tally[tier, "open"] += is_open
        tally[tier, "overdue"] += overdue
    totals = episodes.summed_up(found, organization=organization)
    return {
        ou: {"tiers": [[name, tally[days, "open"], tally[days, "overdue"]] for name, days in TIERS]}
        for ou, tally in totals.items()
    }
