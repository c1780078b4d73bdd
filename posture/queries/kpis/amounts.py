"""What is stored of KPIs, read by one step down an index for each (OU, KPI, part) or week.

So it costs the same however long the history is. Whoever calls decides what a person may see.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from inventory.models import OrganizationalUnit
from posture import kpis, scoring
from posture.kpis import Kpi, Part, statistics
from posture.queries.figures import DAYS_A_WEEK, WEEKS

_ZERO: Final = Decimal(0)
_HUNDRED: Final = Decimal(100)
_ALMOST: Final = Decimal("99.9")
# The limits of a control chart come from the first twelve weeks with data: some may have none.
BASELINE_WEEKS: Final = statistics.BASELINE + 8

# What is stored of the newest day, and of the newest a week or more before that; and on which day the
# KPI was last filled, with whatever result.
_SIDES: Final = """
SELECT s.ou, s.kpi, s.part, n.day, n.numerator, n.denominator, n.covered, n.expected, n.details,
    b.day, b.numerator, b.denominator, b.covered, b.expected, GREATEST(n.day, f.day)
FROM unnest(%(ous)s::bigint[], %(kpis)s::text[], %(parts)s::text[]) s(ou, kpi, part)
CROSS JOIN LATERAL (SELECT * FROM posture_kpipoint p
    WHERE p.ou_id = s.ou AND p.kpi = s.kpi AND p.part = s.part AND p.day <= %(day)s
        AND p.day > %(day)s::date - %(window)s
    ORDER BY p.day DESC LIMIT 1) n
LEFT JOIN LATERAL (SELECT * FROM posture_kpipoint p
    WHERE p.ou_id = s.ou AND p.kpi = s.kpi AND p.part = s.part AND p.day <= n.day - 7
    ORDER BY p.day DESC LIMIT 1) b ON true
LEFT JOIN LATERAL (SELECT f.day FROM posture_kpifill f
    WHERE f.organization_id = (SELECT organization_id FROM inventory_organizationalunit WHERE id = s.ou)
        AND f.kpi = s.kpi AND f.day <= %(day)s AND f.error = ''
    ORDER BY f.day DESC LIMIT 1) f ON true
"""
# The newest point of each of the last weeks, and of the first weeks that there ever were: the limits
# of the control chart hang on those. Week 0 ends on the day.
_WEEKS: Final = """
SELECT s.kpi, w.week, p.day, p.numerator, p.denominator, p.covered, p.expected
FROM unnest(%(kpis)s::text[]) s(kpi)
CROSS JOIN LATERAL (SELECT (%(day)s::date - p.day) / 7 AS week FROM posture_kpipoint p
    WHERE p.ou_id = %(ou)s AND p.kpi = s.kpi AND p.part = '' AND p.day <= %(day)s
    ORDER BY p.day LIMIT 1) f
CROSS JOIN LATERAL (
    SELECT week FROM generate_series(0, least(%(weeks)s - 1, f.week)) week
    UNION
    SELECT week FROM generate_series(greatest(0, f.week - %(baseline)s + 1), f.week) week) w
CROSS JOIN LATERAL (SELECT * FROM posture_kpipoint p
    WHERE p.ou_id = %(ou)s AND p.kpi = s.kpi AND p.part = ''
        AND p.day <= %(day)s::date - 7 * w.week AND p.day > %(day)s::date - 7 * (w.week + 1)
    ORDER BY p.day DESC LIMIT 1) p
"""


@dataclass(frozen=True, slots=True)
class Amounts:
    """What is stored of a value: it adds up over accounts."""

    numerator: Decimal = _ZERO
    denominator: Decimal = _ZERO
    covered: Decimal = _ZERO
    expected: Decimal = _ZERO

    def value(self, kpi: Kpi | Part) -> Decimal | None:
        return kpis.value(
            kpi,
            numerator=self.numerator,
            denominator=self.denominator,
            covered=self.covered,
            expected=self.expected,
        )

    @property
    def coverage(self) -> Decimal | None:
        """In percent with one decimal, 100.0 only where nothing is missing; None is "no data"."""
        if not self.expected:
            return None
        shown = scoring.one_decimal(_HUNDRED * self.covered / self.expected)
        return min(shown, _ALMOST) if self.covered < self.expected else shown


@dataclass(frozen=True, slots=True)
class Side:
    """A stored value of an OU, and what it was a week before."""

    day: date
    now: Amounts
    before: Amounts | None
    details: Mapping[str, Any]
    before_day: date | None = None

    def values(self, kpi: Kpi | Part) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
        """(value, previous, delta)."""
        value = self.now.value(kpi)
        previous = self.before.value(kpi) if self.before else None
        delta = None if value is None or previous is None else value - previous
        return value, previous, delta


def sides(
    ous: Iterable[int], cards: Sequence[Kpi], *, day: date
) -> dict[tuple[int, str, str], Side]:
    """What is stored of these OUs (by key), by (OU, KPI, part). One query.

    A part has no day of its own: where it was not filled on the day of its KPI (nothing fell due), an
    older one says nothing, nor does any where the KPI has been filled since and nothing was found in
    the OU that it could be made from. Whoever calls has decided that the OUs may be seen.
    """
    wanted = [
        (ou, card.id, part)
        for ou in ous
        for card in cards
        for part in ("", *(one.id for one in card.parts))
    ]
    values: dict[str, Any] = {
        "ous": [ou for ou, _, _ in wanted],
        "kpis": [kpi for _, kpi, _ in wanted],
        "parts": [part for _, _, part in wanted],
        "day": day,
        "window": DAYS_A_WEEK * WEEKS,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SIDES, values)
        rows = cursor.fetchall()
    newest = _newest((row[0], row[1], row[14]) for row in rows)
    current = [row for row in rows if row[3] == newest[row[0], row[1]]]
    before = _newest((row[0], row[1], row[9]) for row in current if row[9])
    found = {}
    for row in current:
        is_told = row[9] is not None and row[9] == before[row[0], row[1]]
        found[row[0], row[1], row[2]] = Side(
            row[3],
            Amounts(*row[4:8]),
            Amounts(*row[10:14]) if is_told else None,
            json.loads(row[8]),
            row[9] if is_told else None,
        )
    return found


def _newest(rows: Iterable[tuple[int, str, date]]) -> dict[tuple[int, str], date]:
    """The newest day by (OU, KPI)."""
    found: dict[tuple[int, str], date] = {}
    for ou, kpi, day in rows:
        found[ou, kpi] = max(day, found.get((ou, kpi), day))
    return found


@dataclass(frozen=True, slots=True)
class Week:
    day: date
    amounts: Amounts


def past(
    ou: OrganizationalUnit, cards: Iterable[Kpi], *, day: date, weeks: int
) -> dict[str, dict[int, Week]]:
    """By KPI, and by how many weeks before `day`: the last weeks, and the first there were."""
    values: dict[str, Any] = {
        "kpis": [card.id for card in cards],
        "ou": ou.pk,
        "day": day,
        "weeks": weeks,
        "baseline": BASELINE_WEEKS,
    }
    found: dict[str, dict[int, Week]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_WEEKS, values)
        for kpi_id, week, newest, *amounts in cursor.fetchall():
            found.setdefault(kpi_id, {})[week] = Week(newest, Amounts(*amounts))
    return found
