"""What was stored of a KPI day by day."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from inventory import web
from inventory.access import AnyUser
from inventory.models import OrganizationalUnit
from inventory.web import Key, Page
from posture.kpis import Kpi
from posture.models import KpiPoint
from posture.models.kpis import KpiPointQuerySet
from posture.queries.kpis.amounts import Amounts, Side
from posture.queries.kpis.lines import PartLine, part_line

_KEYS: Final = (Key("day"),)


@dataclass(frozen=True, slots=True)
class PointLine:
    """A KPI of one OU at the end of a day; `kpi` is its card as it is today."""

    kpi: Kpi
    day: date
    amounts: Amounts
    parts: tuple[PartLine, ...]

    @property
    def value(self) -> Decimal | None:
        """None is "no data"."""
        return self.amounts.value(self.kpi)


def points(
    user: AnyUser,
    card: Kpi,
    ou: OrganizationalUnit,
    *,
    between: tuple[date, date],
    cursor_text: str,
    size: int,
) -> Page[PointLine]:
    """One page of the days that have a point, oldest first; none where the OU may not be seen.

    Two queries. A day without a point is a gap: nothing is known of it. :param between: both
    inclusive.
    """
    since, until = between
    own = KpiPoint.objects.visible_to(user).filter(ou=ou, kpi=card.id)
    page = web.keyset(
        own.filter(part="", day__gte=since, day__lte=until),
        keys=_KEYS,
        cursor=web.read_cursor(cursor_text, keys=_KEYS),
        size=size,
    )
    beside = _beside(own, [row.day for row in page.rows])
    rows = tuple(
        PointLine(card, row.day, _amounts(row), _parts(card, row.day, beside.get(row.day, {})))
        for row in page.rows
    )
    return Page(rows, page.next_cursor, page.previous_cursor)


def _beside(own: KpiPointQuerySet, days: Collection[date]) -> Mapping[date, Mapping[str, Amounts]]:
    found: dict[date, dict[str, Amounts]] = {}
    for row in own.filter(day__in=days).exclude(part=""):
        found.setdefault(row.day, {})[row.part] = _amounts(row)
    return found


def _parts(card: Kpi, day: date, found: Mapping[str, Amounts]) -> tuple[PartLine, ...]:
    return tuple(
        part_line(part, Side(day, found[part.id], None, {}) if part.id in found else None)
        for part in card.parts
    )


def _amounts(row: KpiPoint) -> Amounts:
    return Amounts(row.numerator, row.denominator, row.covered, row.expected)
