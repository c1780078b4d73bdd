"""What the KPIs of flow have in common: whose episodes count on a day, and what they were then.

Everything is told as of the end of the day, from the episodes alone, so that a day that is over can
be filled long after: what happened later is not looked at.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, TypeVar

from django.db import connection

from inventory.models import Organization, OrganizationalUnit
from posture.rollups.kpis.rows import Row

K = TypeVar("K", bound=Hashable)

GRAVE: Final = ("CRITICAL", "HIGH")
# Of an episode `e`, and of the same told as of the end of the day.
IS_GRAVE: Final = "e.severity IN ('CRITICAL', 'HIGH')"
IS_OPEN: Final = """(e.opened_at < %(as_of)s
    AND (e.closed_at IS NULL OR e.closed_at >= %(as_of)s)
    AND (e.lapsed_at IS NULL OR e.lapsed_at >= %(as_of)s OR e.resumed_at < %(as_of)s))"""
# When it was closed, and why; both NULL where it was open. A lapse has no reason any more.
CLOSED_AT: Final = """CASE WHEN e.closed_at < %(as_of)s THEN e.closed_at
    WHEN e.lapsed_at < %(as_of)s AND e.resumed_at >= %(as_of)s THEN e.lapsed_at END"""
CLOSE_REASON: Final = "CASE WHEN e.closed_at < %(as_of)s THEN e.close_reason END"
# A control in its first days is shown without a due date (kpis.md R10).
HAS_CLOCK: Final = "(c.scored_from IS NULL OR e.due_at >= c.scored_from)"
# It was there before: it came with a new control, a new account, or our first look at one.
IS_ENTRY: Final = """(e.opened_at < a.watched_from
    OR e.opened_at < a.joined_at + interval '14 days'
    OR (c.scored_from IS NOT NULL AND e.opened_at < c.scored_from))"""

# Both tables are made when a KPI of flow first asks, and last as long as those of tables.py.
_TABLES: Final = (
    # The scored accounts of the day, in the OU of that day. `covered` is the share of their checks
    # that told anything; `watched_from` the end of the first day with any data, NULL: none yet.
    """
CREATE TEMP TABLE IF NOT EXISTS flow_accounts_of_day ON COMMIT DROP AS
SELECT d.account_id, d.ou_id, d.environment IN ('production', 'prod') AS is_production,
    d.joined_at, CASE WHEN x.coverage_d > 0 THEN round(x.coverage_n / x.coverage_d, 12) ELSE 0 END
        AS covered, f.watched_from
FROM accounts_of_day d
JOIN posture_accountday x ON x.account_id = d.account_id AND x.area = '' AND x.day = %(day)s
LEFT JOIN LATERAL (SELECT (f.day + 1)::timestamptz AS watched_from FROM posture_accountday f
    WHERE f.account_id = d.account_id AND f.area = '' AND f.coverage_n > 0
    ORDER BY f.day LIMIT 1) f ON true
WHERE d.is_scored
""",
    # How many grave episodes each account of the day has open, scored or not: `age` and `past` (due)
    # in whole days, each only as exactly as its bands; `past` is below 0 until it is due.
    f"""
CREATE TEMP TABLE IF NOT EXISTS flow_open_of_day ON COMMIT DROP AS
SELECT e.account_id, e.severity, CASE
        WHEN e.opened_at > %(as_of)s - interval '7 days' THEN 0
        WHEN e.opened_at > %(as_of)s - interval '30 days' THEN 7
        WHEN e.opened_at > %(as_of)s - interval '90 days' THEN 30 ELSE 90 END AS age,
    CASE WHEN e.due_at > %(as_of)s + interval '14 days' THEN -15
        WHEN e.due_at > %(as_of)s THEN -14
        WHEN e.due_at > %(as_of)s - interval '7 days' THEN 0
        WHEN e.due_at > %(as_of)s - interval '30 days' THEN 7
        WHEN e.due_at > %(as_of)s - interval '90 days' THEN 30
        WHEN e.due_at IS NOT NULL THEN 90 END AS past,
    count(*) AS number
FROM findings_episode e JOIN accounts_of_day d ON d.account_id = e.account_id
WHERE {IS_GRAVE} AND {IS_OPEN} GROUP BY 1, 2, 3, 4
""",
)


def moment(day: date, *, now: datetime) -> datetime:
    """The end of the day, or `now` while it is not over."""
    return min(now, datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC))


def values(day: date, *, organization: Organization, now: datetime, **days: int) -> dict[str, Any]:
    """What every statement is told; each of `days` becomes the moment so many days before the end.

    The window reaches back from the end of the day even while the day is not over.
    """
    end = datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC)
    return {
        "organization": organization.pk,
        "day": day,
        "as_of": min(now, end),
        **{name: end - timedelta(days=count) for name, count in days.items()},
    }


def rows(statement: str, told: Mapping[str, Any]) -> Iterable[Row]:
    """The rows of a statement whose columns are those of Row."""
    return [Row(*columns) for columns in fetch(statement, told)]


def fetch(statement: str, told: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        for table in _TABLES:
            cursor.execute(table, told)
        cursor.execute(statement, told)
        return list(cursor.fetchall())


def summed_up(
    found: Mapping[int, Counter[K]], *, organization: Organization
) -> dict[int, Counter[K]]:
    """What each OU has with everything below it, from what each has of its own; by key."""
    keys = dict(
        OrganizationalUnit.objects.filter(organization=organization).values_list("path", "pk")
    )
    paths = {pk: path for path, pk in keys.items()}
    totals: dict[int, Counter[K]] = {}
    for ou, tally in found.items():
        for above in _above(paths[ou]):
            if above in keys:
                totals.setdefault(keys[above], Counter()).update(tally)
    return totals


def _above(path: str) -> Iterable[str]:
    """The path itself and those of all OUs above it: "r/ou/" gives "r/", "r/ou/"."""
    names = path.rstrip("/").split("/")
    return ["/".join(names[:count]) + "/" for count in range(1, len(names) + 1)]
