"""K19: new failures of controls in production in the last seven days, for every 100 accounts.

What came with a new control, a new account or our first look was there before, and is left out.
"""

from datetime import date, datetime
from typing import Final

from inventory.models import Organization
from posture.rollups.kpis import episodes
from posture.rollups.kpis.rows import Select

# An account that was not watched for the whole week is not covered: it would dilute the rate.
_ROWS: Final = f"""
WITH opened AS (
    SELECT account_id, sum(number) AS number FROM flow_of_day
    WHERE kind = 'came' AND value = 'opened' GROUP BY 1
), watched AS (
    SELECT a.*, ({episodes.IS_WATCHED})::int AS is_watched FROM flow_accounts_of_day a
)
SELECT a.account_id, CASE WHEN a.is_production THEN '' ELSE 'non_production' END,
    a.is_watched * COALESCE(o.number, 0), a.is_watched, a.is_watched * a.covered, 1
FROM watched a LEFT JOIN opened o USING (account_id)
"""


def k19(day: date, *, organization: Organization, now: datetime) -> Select:
    """A row for each scored account, of the part that it belongs to. One statement."""
    return episodes.rows(_ROWS, episodes.values(day, organization=organization, now=now, since=7))
