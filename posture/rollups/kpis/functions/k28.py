"""K28: what came in and went out in the last seven days, and the pile that is open, by age."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final

from findings.models import Age
from inventory.models import Organization
from posture.kpis import statistics
from posture.rollups.kpis import episodes
from posture.rollups.kpis.rows import Row

DAYS: Final = 7
# By the days at which each begins, as flow_open_of_day has them.
_AGES: Final = {0: Age.WEEK, 7: Age.MONTH, 30: Age.QUARTER, 90: Age.OLDER}

# Each event of the week, of each account. A lapse is a close and a coming back. What is no longer
# reported was not closed, though it is in the pile no longer.
_EVENTS: Final = f"""
events AS (
    SELECT e.account_id, CASE WHEN {episodes.IS_ENTRY} THEN 'entries' ELSE 'opened' END AS kind
    FROM findings_episode e JOIN findings_control c ON c.id = e.control_id
    JOIN flow_accounts_of_day a ON a.account_id = e.account_id
    WHERE {episodes.IS_GRAVE} AND e.opened_at >= %(since)s AND e.opened_at < %(as_of)s
    UNION ALL
    SELECT e.account_id, CASE e.close_reason WHEN 'VANISHED' THEN 'vanished' ELSE 'closed' END
    FROM findings_episode e
    WHERE {episodes.IS_GRAVE} AND e.closed_at >= %(since)s AND e.closed_at < %(as_of)s
    UNION ALL
    SELECT e.account_id, x.kind FROM findings_episode e
    CROSS JOIN LATERAL (VALUES ('closed', e.lapsed_at), ('reopened', e.resumed_at)) x (kind, at)
    WHERE {episodes.IS_GRAVE} AND e.resumed_at >= %(since)s
        AND x.at >= %(since)s AND x.at < %(as_of)s
)"""
_ROWS: Final = f"""
WITH {_EVENTS}, flow AS (
    SELECT account_id, count(*) FILTER (WHERE kind = 'opened') AS opened,
        count(*) FILTER (WHERE kind = 'reopened') AS reopened,
        count(*) FILTER (WHERE kind = 'closed') AS closed,
        count(*) FILTER (WHERE kind = 'entries') AS entries
    FROM events GROUP BY 1
), pile AS (
    SELECT account_id, sum(number) AS number FROM flow_open_of_day GROUP BY 1
)
SELECT a.account_id, p.part, COALESCE(p.number, 0), 0,
    CASE WHEN p.part = 'backlog' OR a.watched_from <= %(since)s THEN a.covered ELSE 0 END, 1
FROM flow_accounts_of_day a LEFT JOIN flow f USING (account_id) LEFT JOIN pile b USING (account_id)
CROSS JOIN LATERAL (VALUES ('', f.opened + f.reopened - f.closed), ('opened', f.opened),
    ('reopened', f.reopened), ('closed', f.closed), ('entries', f.entries),
    ('backlog', b.number)) p (part, number)
"""
_BANDS: Final = """
SELECT a.ou_id, s.severity, s.age, sum(s.number)::bigint
FROM flow_open_of_day s JOIN flow_accounts_of_day a ON a.account_id = s.account_id GROUP BY 1, 2, 3
"""
_KINDS: Final = f"""
WITH {_EVENTS}
SELECT a.ou_id, x.kind, count(*)
FROM events x JOIN flow_accounts_of_day a ON a.account_id = x.account_id GROUP BY 1, 2
"""


def k28(day: date, *, organization: Organization, now: datetime) -> Iterable[Row]:
    """A row for each scored account and part. One statement."""
    return episodes.rows(
        _ROWS, episodes.values(day, organization=organization, now=now, since=DAYS)
    )


def details(
    day: date, *, organization: Organization, now: datetime
) -> Mapping[int, dict[str, Any]]:
    """Of each OU: the pile by age and severity, how long it lasts, and what is no longer reported."""
    told = episodes.values(day, organization=organization, now=now, since=DAYS)
    tallies: dict[int, Counter[tuple[str, str]]] = {}
    for ou, severity, age, number in episodes.fetch(_BANDS, told):
        tallies.setdefault(ou, Counter())[severity, _AGES[age]] += number
    for ou, kind, number in episodes.fetch(_KINDS, told):
        tallies.setdefault(ou, Counter())["", kind] += number
    totals = episodes.summed_up(tallies, organization=organization)
    return {ou: _told(total) for ou, total in totals.items()}


def _told(tally: Counter[tuple[str, str]]) -> dict[str, Any]:
    bands = {
        age: {severity.lower(): tally[severity, age] for severity in episodes.GRAVE}
        for age in _AGES.values()
    }
    stock = sum(sum(band.values()) for band in bands.values())
    lasts = statistics.expected_days(stock=stock, closed=tally["", "closed"], days=DAYS)
    return {
        "ages": [[age.label, band] for age, band in bands.items()],
        "expected_days": None if lasts is None else str(lasts),
        "vanished": tally["", "vanished"],
    }
