"""K19: new failures of controls in production in the last seven days, for every 100 accounts.

What came with a new control, a new account or our first look was there before, and is left out.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

from inventory.models import Organization
from posture.rollups.kpis import episodes
from posture.rollups.kpis.rows import Row

# An account that was not watched for the whole week is not covered: it would dilute the rate.
_ROWS: Final = f"""
WITH opened AS (
    SELECT e.account_id, count(*) AS number
    FROM findings_episode e JOIN findings_control c ON c.id = e.control_id AND c.is_scored
    JOIN flow_accounts_of_day a ON a.account_id = e.account_id
    WHERE {episodes.IS_GRAVE} AND e.opened_at >= %(since)s AND e.opened_at < %(as_of)s
        AND NOT {episodes.IS_ENTRY}
    GROUP BY 1
), watched AS (
    SELECT *, (COALESCE(watched_from <= %(since)s, false) AND covered > 0)::int AS is_watched
    FROM flow_accounts_of_day
)
SELECT a.account_id, CASE WHEN a.is_production THEN '' ELSE 'non_production' END,
    a.is_watched * COALESCE(o.number, 0), a.is_watched, a.is_watched * a.covered, 1
FROM watched a LEFT JOIN opened o USING (account_id)
"""


def k19(day: date, *, organization: Organization, now: datetime) -> Iterable[Row]:
    """A row for each scored account, of the part that it belongs to. One statement."""
    return episodes.rows(_ROWS, episodes.values(day, organization=organization, now=now, since=7))
