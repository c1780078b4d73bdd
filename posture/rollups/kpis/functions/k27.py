"""K27: how much was still open on the day it was due; in its details, how long it takes to fix.

Of what was opened in the last 180 days. The details follow everything for as long as it was watched
(Kaplan and Meier), so that what is open still, and what was excepted, counts for its time.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

from django.conf import settings

from findings import clocks
from inventory.models import Organization
from posture.kpis import statistics
from posture.kpis.statistics import Survival
from posture.rollups.kpis import episodes
from posture.rollups.kpis.rows import Select

DAYS: Final = 180
_QUANTILES: Final = {"median": Decimal("0.5"), "p75": Decimal("0.75"), "p90": Decimal("0.9")}

_ROWS: Final = """
WITH sums AS (
    SELECT account_id, severity, sum(number) FILTER (WHERE value = 'late') AS late,
        sum(number) AS due
    FROM flow_of_day WHERE kind = 'reached' GROUP BY 1, 2
)
SELECT a.account_id, p.part, COALESCE(sum(s.late), 0), COALESCE(sum(s.due), 0), a.covered, 1
FROM flow_accounts_of_day a CROSS JOIN (VALUES ('', NULL), ('critical', 'CRITICAL'), ('high', 'HIGH'))
    p (part, severity)
LEFT JOIN sums s ON s.account_id = a.account_id
    AND (p.severity IS NULL OR s.severity = p.severity)
GROUP BY a.account_id, p.part, a.covered
HAVING p.part = '' OR sum(s.due) > 0
"""
# Being no longer reported ends only that we watch: nobody saw it fixed. Ages in whole days. A day counts for an episode only when it was watched for all of it, or ended in
# it: an end is rounded up, the end of watching down, its beginning up.
_AGES: Final = f"""
WITH followed AS (
    SELECT a.ou_id, e.severity, {episodes.CLOSED_AT} AS closed_at,
        {episodes.CLOSE_REASON} = 'VANISHED' AS has_vanished,
        LEAST(e.excepted_at, %(as_of)s) AS seen_until, e.opened_at,
        GREATEST(0, ceil(date_part('epoch', a.watched_from - interval '1 day' - e.opened_at) / 86400))
            ::int AS entered
    FROM findings_episode e JOIN findings_control c ON c.id = e.control_id
    JOIN {episodes.ACCOUNTS} ON a.account_id = e.account_id
    WHERE {episodes.IS_GRAVE} AND e.opened_at >= %(since)s AND e.opened_at < %(as_of)s
        AND a.watched_from IS NOT NULL
        AND (c.scored_from IS NULL OR e.opened_at >= c.scored_from)
    OFFSET 0
), told AS (
    SELECT ou_id, severity, entered, CASE
            WHEN closed_at <= seen_until AND NOT COALESCE(has_vanished, false) THEN 'closed'
            WHEN seen_until < %(as_of)s AND (closed_at IS NULL OR seen_until < closed_at)
                THEN 'excepted'
            ELSE 'open' END AS kind,
        date_part('epoch', LEAST(closed_at, seen_until) - opened_at) / 86400 AS days
    FROM followed OFFSET 0
), aged AS (
    SELECT ou_id, severity, entered, kind, CASE kind WHEN 'closed' THEN GREATEST(1, ceil(days))
        ELSE GREATEST(0, floor(days)) END::int AS age
    FROM told OFFSET 0
)
SELECT ou_id, severity, kind, age, entered, count(*) FROM aged
WHERE entered = 0 OR age > entered GROUP BY 1, 2, 3, 4, 5
"""
# By (severity, kind, age); the kinds are closed, open, excepted and entered.
_Ages: TypeAlias = Counter[tuple[str, str, int]]


def k27(day: date, *, organization: Organization, now: datetime) -> Select:
    """A row for each scored account and part. One statement."""
    return episodes.rows(_ROWS, episodes.values(day, organization=organization, now=now))


def details(
    day: date, *, organization: Organization, now: datetime
) -> Mapping[int, dict[str, Any]]:
    """Of each OU, in whole and by severity: median, p75, p90, the share open at the due day, steps."""
    told = episodes.values(day, organization=organization, now=now, since=DAYS)
    found: dict[int, _Ages] = {}
    for ou, severity, kind, age, entered, number in episodes.fetch(_AGES, told):
        ages = found.setdefault(ou, Counter())
        ages[severity, kind, age] += number
        if entered:
            ages[severity, "entered", entered] += number
    due = clocks.load(settings.POSTURE_CLOCKS_FILE).severity
    totals = episodes.summed_up(found, organization=organization)
    return {
        ou: _told(ages, episodes.GRAVE)
        | {
            severity.lower(): _told(ages, (severity,), due_day=due.get(severity))
            for severity in episodes.GRAVE
        }
        for ou, ages in totals.items()
    }


def _told(ages: _Ages, severities: Iterable[str], *, due_day: int | None = None) -> dict[str, Any]:
    kinds = {
        kind: _of(ages, severities, kind) for kind in ("closed", "open", "excepted", "entered")
    }
    curve = statistics.kaplan_meier(
        kinds["closed"], kinds["open"] + kinds["excepted"], entered=kinds["entered"]
    )
    told: dict[str, Any] = {name: curve.quantile(share) for name, share in _QUANTILES.items()}
    told |= {kind: number.total() for kind, number in kinds.items()}
    told["followed"] = curve.followed
    told["steps"] = [[step.day, str(step.share)] for step in curve.steps]
    if due_day is not None:
        told |= {"due_day": due_day, "open_share": _open_share(curve, due_day)}
    return told


def _of(ages: _Ages, severities: Iterable[str], kind: str) -> Counter[statistics.Days]:
    wanted = set(severities)
    found: Counter[statistics.Days] = Counter()
    for (severity, own, age), number in ages.items():
        if own == kind and severity in wanted:
            found[age] += number
    return found


def _open_share(curve: Survival, day: int) -> str | None:
    share = curve.open_share(day)
    return None if share is None else str(share)
