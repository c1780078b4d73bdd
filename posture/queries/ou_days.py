"""Reading the rollup of OUs: the 13 weeks of each and its areas, all by one statement.

Whoever calls has made sure that the person sees the OUs as a whole.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db import connection

from findings.models import Area
from posture.queries import figures
from posture.queries.figures import DAYS_A_WEEK, WEEKS, Figures, History

# (now, before) of one area.
AreaPair = tuple[Figures | None, Figures | None]

# Of the whole: the newest row of each week and the newest but one, so daily rows cost no more than
# weekly ones. Of the areas: those of the newest day and of the newest a week earlier or more, one
# step down the index for each, so that the length of the history costs nothing.
_ROWS: Final = """
WITH whole AS (
    SELECT id, ou_id, day, (%(day)s::date - day) / 7 AS week FROM posture_ouday
    WHERE ou_id = ANY(%(ous)s) AND area = '' AND day <= %(day)s AND day > %(day)s::date - %(window)s
), places AS (
    SELECT id, row_number() OVER newest AS place,
        lag(week) OVER newest IS DISTINCT FROM week AS is_newest
    FROM whole WINDOW newest AS (PARTITION BY ou_id ORDER BY day DESC)
), ends AS (
    SELECT ou_id, max(day) AS day FROM whole GROUP BY ou_id
    UNION
    SELECT ou_id, max(day) FROM whole WHERE week > 0 GROUP BY ou_id
)
SELECT ou_id, area, day, managed_n, managed_d, raw_n, raw_d, coverage_n, coverage_d, exception_n,
    exception_d, failed, open_critical, open_high, open_medium, open_low, overdue_critical,
    overdue_high, accounts, accounts_evaluated, accounts_total, accounts_overdue_critical,
    accounts_overdue_high
FROM posture_ouday WHERE id = ANY(ARRAY(
    SELECT id FROM places WHERE is_newest OR place = 2
    UNION ALL
    SELECT found.id FROM ends e CROSS JOIN unnest(%(areas)s::text[]) a (code)
    CROSS JOIN LATERAL (
        SELECT id FROM posture_ouday d
        WHERE d.ou_id = e.ou_id AND d.area = a.code AND d.day = e.day LIMIT 1) found))
"""


@dataclass(frozen=True, slots=True)
class OuPast:
    """The 13 weeks of an OU, and its areas on the days of its newest and its earlier figures."""

    history: History
    areas: Mapping[str, AreaPair]


def of_ous(ous: Collection[int], *, day: date) -> dict[int, OuPast]:
    """Of each of these OUs (keys) as of a day. One query."""
    whole: dict[int, list[Figures]] = {ou: [] for ou in ous}
    areas: dict[int, dict[tuple[str, date], Figures]] = {ou: {} for ou in ous}
    for ou, area, found in _read(ous, day=day):
        if area:
            areas[ou][area, found.day] = found
        else:
            whole[ou].append(found)
    histories = {ou: figures.history(rows, day=day) for ou, rows in whole.items()}
    return {ou: OuPast(past, pairs(areas[ou], past)) for ou, past in histories.items()}


def _read(ous: Collection[int], *, day: date) -> Iterator[tuple[int, str, Figures]]:
    """(key of the OU, area, figures); the area of the whole is ""."""
    values: dict[str, Any] = {
        "ous": list(ous),
        "day": day,
        "window": DAYS_A_WEEK * WEEKS,
        "areas": [str(area) for area in Area],
    }
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, values)
        for ou, area, on, *columns in cursor.fetchall():
            yield ou, area, figures.of_columns(on, columns)


def pairs(found: Mapping[tuple[str, date], Figures], past: History) -> dict[str, AreaPair]:
    """Figures by (area, day), as what each area is on the newest and on the earlier day of a past."""
    now, before = past.now, past.before
    areas = {area for area, _ in found}
    return {
        area: (
            found.get((area, now.day)) if now else None,
            found.get((area, before.day)) if before else None,
        )
        for area in areas
    }
