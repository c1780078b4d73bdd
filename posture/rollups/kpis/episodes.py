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
from posture.rollups.kpis.rows import Select
from posture.scoring import RATED_COVERAGE

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
# Of `a`, for what has come and gone: it was looked at for the whole week, and as far as a grade asks
# for. A week in which nothing was read brings nothing new, which is no good news.
IS_WATCHED: Final = f"""(COALESCE(a.watched_from <= %(since)s, false)
    AND a.covered * 100 >= {RATED_COVERAGE})"""

# The accounts of the day as a parameter: what reads a temporary table is worked out by one process
# alone, and going through all episodes is worth two. `watched_from` is NULL where it does not count.
ACCOUNTS: Final = """unnest(%(accounts)s::bigint[], %(ous)s::bigint[], %(watched)s::timestamptz[],
    %(joined)s::timestamptz[]) a (account_id, ou_id, watched_from, joined_at)"""

# The tables are made when a KPI of flow first asks, and last as long as those of tables.py.
# The scored accounts of the day, in the OU of that day. `covered` is the share of their checks that
# told anything; `watched_from` the end of the first day with any data, NULL: none yet.
_WATCHED: Final = """
CREATE TEMP TABLE flow_accounts_of_day ON COMMIT DROP AS
SELECT d.account_id, d.ou_id, d.environment IN ('production', 'prod') AS is_production,
    d.joined_at, CASE WHEN x.coverage_d > 0 THEN round(x.coverage_n / x.coverage_d, 12) ELSE 0 END
        AS covered, f.watched_from
FROM accounts_of_day d
JOIN posture_accountday x ON x.account_id = d.account_id AND x.area = '' AND x.day = %(day)s
LEFT JOIN LATERAL (SELECT (f.day + 1)::timestamptz AS watched_from FROM posture_accountday f
    WHERE f.account_id = d.account_id AND f.area = '' AND f.coverage_n > 0
    ORDER BY f.day LIMIT 1) f ON true
WHERE d.is_scored
"""
_PARAMETERS: Final = """
SELECT array_agg(d.account_id), array_agg(d.ou_id), array_agg(f.watched_from),
    array_agg(d.joined_at)
FROM accounts_of_day d LEFT JOIN flow_accounts_of_day f USING (account_id)
"""
_NAMES: Final = ("accounts", "ous", "watched", "joined")
# What a grave episode is to K2, K19, K27 and K28, so that all of them are gone through once: each kind
# with its values, as columns of _KINDS; NULL where it does not apply.
#   age         whole days that it has been open, only as exactly as its bands; of what is open
#   past        whole days that it is past due, likewise; -14: due within as many. Of what is open
#   due_week    what became of what was due in the last 7 days. Closed for being no longer reported
#   due_before  is not closed: nobody saw it fixed. The same, of the 21 days before them
#   reached     what became by its due date of what was opened in the last 180 days. What was open
#               before we looked is left out: of those only the slow ones were still there to be seen
#   came        in the last 7 days; unscored: opened, of a control that does not count in scores
#   went        in the last 7 days
_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "age": ("0", "7", "30", "90"),
    "past": ("-14", "0", "7", "30", "90"),
    "due_week": ("in_time", "late", "still_open", "excepted"),
    "due_before": ("in_time", "late", "still_open", "excepted"),
    "reached": ("in_time", "late"),
    "came": ("opened", "unscored", "entries"),
    "went": ("closed", "vanished"),
}
_BECAME: Final = f"""CASE WHEN e.excepted_at < e.due_at THEN 'excepted'
            WHEN {CLOSED_AT} IS NULL OR {CLOSE_REASON} = 'VANISHED' THEN 'still_open'
            WHEN {CLOSED_AT} <= e.due_at THEN 'in_time' ELSE 'late' END"""
_KINDS: Final = f"""
    SELECT e.account_id, e.severity,
        CASE WHEN NOT {IS_OPEN} THEN NULL
            WHEN e.opened_at > %(as_of)s - interval '7 days' THEN '0'
            WHEN e.opened_at > %(as_of)s - interval '30 days' THEN '7'
            WHEN e.opened_at > %(as_of)s - interval '90 days' THEN '30' ELSE '90' END AS age,
        CASE WHEN e.due_at > %(as_of)s + interval '14 days' OR NOT {IS_OPEN} THEN NULL
            WHEN e.due_at > %(as_of)s THEN '-14'
            WHEN e.due_at > %(as_of)s - interval '7 days' THEN '0'
            WHEN e.due_at > %(as_of)s - interval '30 days' THEN '7'
            WHEN e.due_at > %(as_of)s - interval '90 days' THEN '30'
            WHEN e.due_at IS NOT NULL THEN '90' END AS past,
        CASE WHEN e.due_at > %(week)s AND e.due_at <= %(as_of)s AND {HAS_CLOCK}
            THEN {_BECAME} END AS due_week,
        CASE WHEN e.due_at > %(month)s AND e.due_at <= %(week)s AND e.due_at <= %(as_of)s
            AND {HAS_CLOCK} THEN {_BECAME} END AS due_before,
        CASE WHEN e.opened_at >= %(half_year)s AND e.due_at <= %(as_of)s AND {HAS_CLOCK}
                AND e.opened_at >= a.watched_from - interval '1 day'
                AND (e.excepted_at IS NULL OR e.excepted_at >= e.due_at)
            THEN CASE WHEN {CLOSED_AT} <= e.due_at AND {CLOSE_REASON} IS DISTINCT FROM 'VANISHED'
                THEN 'in_time' ELSE 'late' END END AS reached,
        CASE WHEN e.opened_at < %(week)s THEN NULL WHEN {IS_ENTRY} THEN 'entries'
            WHEN c.is_scored THEN 'opened' ELSE 'unscored' END AS came,
        CASE WHEN e.closed_at >= %(week)s AND e.closed_at < %(as_of)s
            THEN CASE e.close_reason WHEN 'VANISHED' THEN 'vanished' ELSE 'closed' END END AS went
    FROM findings_episode e JOIN findings_control c ON c.id = e.control_id
    JOIN {ACCOUNTS} ON a.account_id = e.account_id
    WHERE {IS_GRAVE} AND e.opened_at < %(as_of)s
        AND (e.closed_at IS NULL OR e.closed_at >= %(week)s OR e.opened_at >= %(half_year)s
            OR e.due_at > %(month)s)
    OFFSET 0 -- Work each kind out once, not once for each of its values.
"""
_PAIRS: Final = [(kind, value) for kind, values in _VALUES.items() for value in values]
# account_id, severity, kind, value, number; of the accounts of the day, scored or not. Counted across
# first, so that what several processes have to hand over is little.
_FLOW: Final = f"""
CREATE TEMP TABLE flow_of_day ON COMMIT DROP AS
SELECT counted.account_id, counted.severity, x.kind, x.value, x.number
FROM (
    SELECT account_id, severity, {
    ", ".join(
        f"count(*) FILTER (WHERE {kind} = '{value}') AS n_{place}"
        for place, (kind, value) in enumerate(_PAIRS)
    )
}
    FROM ({_KINDS}) e GROUP BY account_id, severity
) counted CROSS JOIN LATERAL (VALUES {
    ", ".join(f"('{kind}', '{value}', n_{place})" for place, (kind, value) in enumerate(_PAIRS))
}) x (kind, value, number)
WHERE x.number > 0
"""
_WINDOWS: Final = {"week": 7, "month": 28, "half_year": 180}


def moment(day: date, *, now: datetime) -> datetime:
    """The end of the day, or `now` while it is not over."""
    return min(now, _end(day))


def _end(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC)


def values(day: date, *, organization: Organization, now: datetime, **days: int) -> dict[str, Any]:
    """What every statement is told; each of `days` becomes the moment so many days before the end.

    The window reaches back from the end of the day even while the day is not over.
    """
    end = _end(day)
    return {
        "organization": organization.pk,
        "day": day,
        "as_of": min(now, end),
        **{name: end - timedelta(days=count) for name, count in days.items()},
    }


def rows(statement: str, told: dict[str, Any]) -> Select:
    """The rows of a statement that may read the tables of flow, whose columns are those of Row."""
    with connection.cursor() as cursor:
        _make_tables(cursor, statement, told)
    return Select(statement, told)


def fetch(statement: str, told: dict[str, Any]) -> list[tuple[Any, ...]]:
    """All rows of a statement that may read the tables of flow, and ACCOUNTS."""
    with connection.cursor() as cursor:
        _make_tables(cursor, statement, told)
        if "%(accounts)s" in statement:
            told = told | _accounts(cursor)
        cursor.execute(statement, told)
        return list(cursor.fetchall())


def _make_tables(cursor: Any, statement: str, told: dict[str, Any]) -> None:
    """Those that the statement reads, where they are not there yet."""
    if not _is_there(cursor, "flow_accounts_of_day"):
        cursor.execute(_WATCHED, told)
    if "flow_of_day" in statement and not _is_there(cursor, "flow_of_day"):
        end = _end(told["day"])
        windows = {name: end - timedelta(days=days) for name, days in _WINDOWS.items()}
        cursor.execute(_FLOW, told | windows | _accounts(cursor))


def _is_there(cursor: Any, table: str) -> bool:
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [f"pg_temp.{table}"])
    return bool(cursor.fetchone()[0])


def _accounts(cursor: Any) -> dict[str, Any]:
    """The parameters of ACCOUNTS; no account is not NULL."""
    cursor.execute(_PARAMETERS)
    return {name: found or [] for name, found in zip(_NAMES, cursor.fetchone(), strict=True)}


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
