"""K2: of what fell due, how much was closed in time. In its details: what is open and overdue.

The last 7 days, as it is read of an organisation; beside it the last 28 days, for teams with few.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final, TypeAlias

from inventory.models import Organization
from posture.kpis.statistics import Cohort
from posture.rollups.kpis import episodes
from posture.rollups.kpis.rows import Select

WINDOWS: Final = {"week": 7, "month": 28}
# How long past due, by the days at which each band begins, as flow_of_day has them.
BANDS: Final = {0: "up to 7 days", 7: "8 to 30 days", 30: "31 to 90 days", 90: "over 90 days"}
_DUE_SOON: Final = -14
_COHORT: Final = ("in_time", "late", "still_open", "excepted")


def _sum(condition: str) -> str:
    return f"COALESCE(sum(d.number) FILTER (WHERE {condition}), 0)"


_IN_TIME: Final = "d.became = 'in_time'"
_COUNTS: Final = "d.became <> 'excepted'"
_ROWS: Final = f"""
WITH due AS (
    SELECT account_id, severity, kind = 'due_week' AS is_week, value AS became, number
    FROM flow_of_day WHERE kind IN ('due_week', 'due_before')
)
SELECT a.account_id, p.part,
    {_sum(f"{_IN_TIME} AND (d.is_week OR p.is_month)")},
    {_sum(f"{_COUNTS} AND (d.is_week OR p.is_month)")}, a.covered, 1
FROM flow_accounts_of_day a CROSS JOIN (VALUES ('', NULL, false), ('critical', 'CRITICAL', false),
    ('high', 'HIGH', false), ('month', NULL, true), ('month_critical', 'CRITICAL', true),
    ('month_high', 'HIGH', true)) p (part, severity, is_month)
LEFT JOIN due d ON d.account_id = a.account_id
    AND (p.severity IS NULL OR d.severity = p.severity)
GROUP BY a.account_id, p.part, a.covered
-- A line beside with nothing due says nothing: most accounts have none.
HAVING p.part = '' OR count(*) FILTER (WHERE {_COUNTS} AND (d.is_week OR p.is_month)) > 0
"""
_COHORTS: Final = """
SELECT a.ou_id, d.severity, d.kind = 'due_week', d.value, sum(d.number)::bigint
FROM flow_of_day d JOIN flow_accounts_of_day a ON a.account_id = d.account_id
WHERE d.kind IN ('due_week', 'due_before') GROUP BY 1, 2, 3, 4
"""
# Of all accounts and controls, scored or not, as in the counts of a scorecard and the findings list.
_STOCKS: Final = """
SELECT a.ou_id, s.severity, s.kind, s.value::int, sum(s.number)::bigint
FROM flow_of_day s JOIN accounts_of_day a ON a.account_id = s.account_id
WHERE s.kind IN ('age', 'past') GROUP BY 1, 2, 3, 4
"""
# (severity, what) or (severity, window, what) and its number.
_Tally: TypeAlias = Counter[tuple[str, ...]]


def k02(day: date, *, organization: Organization, now: datetime) -> Select:
    """A row for each scored account and part. One statement."""
    told = episodes.values(day, organization=organization, now=now)
    return episodes.rows(_ROWS, told)


def details(
    day: date, *, organization: Organization, now: datetime
) -> Mapping[int, dict[str, Any]]:
    """Of each OU by severity: the cohorts of both windows, and the stock by how long it is past due."""
    told = episodes.values(day, organization=organization, now=now)
    tallies: dict[int, _Tally] = {}
    for ou, severity, is_week, became, number in episodes.fetch(_COHORTS, told):
        tally = tallies.setdefault(ou, Counter())
        # The month has the week in it.
        for window in ("week", "month") if is_week else ("month",):
            tally[severity, window, became] += number
    for ou, severity, kind, days, number in episodes.fetch(_STOCKS, told):
        tally = tallies.setdefault(ou, Counter())
        if kind == "age":
            tally[severity, "open"] += number
        elif days == _DUE_SOON:
            tally[severity, "due_14"] += number
        else:
            tally[severity, "overdue"] += number
            tally[severity, BANDS[days]] += number
    totals = episodes.summed_up(tallies, organization=organization)
    return {
        ou: {"severities": {severity: _told(total, severity) for severity in episodes.GRAVE}}
        for ou, total in totals.items()
    }


def _told(tally: _Tally, severity: str) -> dict[str, Any]:
    cohorts = {
        window: Cohort(*(tally[severity, window, became] for became in _COHORT))
        for window in WINDOWS
    }
    return {
        "open": tally[severity, "open"],
        "overdue": tally[severity, "overdue"],
        "due_14": tally[severity, "due_14"],
        "bands": [[band, tally[severity, band]] for band in BANDS.values()],
        "attainment": _text(cohorts["week"].attainment),
        **{
            window: {became: getattr(cohort, became) for became in _COHORT}
            for window, cohort in cohorts.items()
        },
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)
