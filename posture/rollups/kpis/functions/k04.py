"""K4: of what was closed in the last 90 days, how much failed again, by the same control in the same
account: another resource that fails is the same mistake made again.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

from inventory.models import Organization
from posture.rollups.kpis import episodes
from posture.rollups.kpis.rows import Row

# A lapse is a close that did not hold. A resource that is gone was not fixed: it counts only where
# another one failed in its place. What is not reported any more was not seen to be closed at all.
_ROWS: Final = f"""
WITH failed AS (
    SELECT e.account_id, e.control_id, max(e.opened_at) AS last_at
    FROM findings_episode e
    WHERE {episodes.IS_GRAVE} AND e.opened_at > %(since)s AND e.opened_at < %(as_of)s
    GROUP BY 1, 2
), closed AS (
    SELECT e.account_id, e.control_id, e.closed_at, e.close_reason IN ('PASSED', 'RESOLVED') AS is_fixed,
        false AS has_failed
    FROM findings_episode e
    WHERE {episodes.IS_GRAVE} AND e.closed_at > %(since)s AND e.closed_at < %(as_of)s
        AND e.close_reason <> 'VANISHED'
        AND (e.excepted_at IS NULL OR e.excepted_at > e.closed_at)
    UNION ALL
    SELECT e.account_id, e.control_id, e.lapsed_at, true, e.resumed_at < %(as_of)s
    FROM findings_episode e
    WHERE {episodes.IS_GRAVE} AND e.resumed_at > %(since)s
        AND e.lapsed_at > %(since)s AND e.lapsed_at < %(as_of)s
), judged AS (
    SELECT x.account_id, x.is_fixed, x.has_failed OR COALESCE(f.last_at > x.closed_at, false) AS again
    FROM closed x JOIN findings_control c ON c.id = x.control_id AND c.is_scored
    LEFT JOIN failed f ON f.account_id = x.account_id AND f.control_id = x.control_id
), sums AS (
    SELECT account_id, count(*) FILTER (WHERE again) AS failed, count(*) AS closed
    FROM judged WHERE is_fixed OR again GROUP BY 1
)
SELECT a.account_id, '', COALESCE(s.failed, 0), COALESCE(s.closed, 0), a.covered, 1
FROM flow_accounts_of_day a LEFT JOIN sums s USING (account_id)
"""


def k04(day: date, *, organization: Organization, now: datetime) -> Iterable[Row]:
    """A row for each scored account. One statement, read here: to insert from it takes one process."""
    told = episodes.values(day, organization=organization, now=now, since=90)
    return [Row(*columns) for columns in episodes.fetch(_ROWS, told)]
