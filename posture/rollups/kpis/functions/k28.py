"""K28: what came in and went out in the last seven days, and the pile that is open, by age."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from findings.models import Age
from inventory.models import Organization
from posture.kpis import statistics
from posture.models import KpiPoint
from posture.rollups.kpis import episodes
from posture.rollups.kpis.rows import Select

DAYS: Final = 7
# Its target is to shrink in three of so many.
_WEEKS: Final = 4
# By the days at which each begins, as flow_of_day has them.
_AGES: Final = {0: Age.WEEK, 7: Age.MONTH, 30: Age.QUARTER, 90: Age.OLDER}

# The events of the week, of each account. A lapse is a close and a coming back. What is no longer
# reported was not closed, though it is in the pile no longer.
_EVENTS: Final = f"""
events AS (
    SELECT account_id, CASE value WHEN 'unscored' THEN 'opened' ELSE value END AS kind, number
    FROM flow_of_day WHERE kind IN ('came', 'went')
    UNION ALL
    SELECT e.account_id, x.kind, 1 FROM findings_episode e
    CROSS JOIN LATERAL (VALUES ('closed', e.lapsed_at), ('reopened', e.resumed_at)) x (kind, at)
    WHERE {episodes.IS_GRAVE} AND e.resumed_at >= %(since)s
        AND x.at >= %(since)s AND x.at < %(as_of)s
)"""
_ROWS: Final = f"""
WITH {_EVENTS}, flow AS (
    SELECT account_id, COALESCE(sum(number) FILTER (WHERE kind = 'opened'), 0) AS opened,
        COALESCE(sum(number) FILTER (WHERE kind = 'reopened'), 0) AS reopened,
        COALESCE(sum(number) FILTER (WHERE kind = 'closed'), 0) AS closed,
        COALESCE(sum(number) FILTER (WHERE kind = 'entries'), 0) AS entries
    FROM events GROUP BY 1
), pile AS (
    SELECT account_id, sum(number) AS number FROM flow_of_day WHERE kind = 'age' GROUP BY 1
)
SELECT a.account_id, p.part, CASE WHEN x.counts THEN COALESCE(p.number, 0) ELSE 0 END, 0,
    CASE WHEN x.counts THEN a.covered ELSE 0 END, 1
FROM flow_accounts_of_day a LEFT JOIN flow f USING (account_id) LEFT JOIN pile b USING (account_id)
CROSS JOIN LATERAL (VALUES ('', f.opened + f.reopened - f.closed), ('opened', f.opened),
    ('reopened', f.reopened), ('closed', f.closed), ('entries', f.entries),
    ('backlog', b.number)) p (part, number)
CROSS JOIN LATERAL (SELECT p.part = 'backlog' OR {episodes.IS_WATCHED}) x (counts)
"""
_BANDS: Final = """
SELECT a.ou_id, s.severity, s.value::int, sum(s.number)::bigint
FROM flow_of_day s JOIN flow_accounts_of_day a ON a.account_id = s.account_id
WHERE s.kind = 'age' GROUP BY 1, 2, 3
"""
_KINDS: Final = f"""
WITH {_EVENTS}
SELECT a.ou_id, x.kind, sum(x.number)::bigint
FROM events x JOIN flow_accounts_of_day a ON a.account_id = x.account_id GROUP BY 1, 2
"""


def k28(day: date, *, organization: Organization, now: datetime) -> Select:
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
    shrinking = _shrinking(day, list(totals))
    return {ou: _told(total) | {"is_shrinking": shrinking.get(ou)} for ou, total in totals.items()}


def _shrinking(day: date, ous: list[int]) -> dict[int, bool | None]:
    """Of each OU, whether the pile did not grow in three of four weeks: of each week its newest point."""
    nets: dict[int, dict[int, int | None]] = {}
    points = KpiPoint.objects.filter(
        kpi="K28", part="", ou__in=ous, day__gt=day - timedelta(days=_WEEKS * DAYS), day__lte=day
    )
    for point in points.order_by("day"):
        week = (day - point.day).days // DAYS
        nets.setdefault(point.ou_id, {})[week] = int(point.numerator) if point.covered else None
    return {
        ou: statistics.is_shrinking([found.get(week) for week in range(_WEEKS)])
        for ou, found in nets.items()
    }


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
