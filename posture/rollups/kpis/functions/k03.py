"""K3, beside its share: exceptions of the register, by OU. One that has several places counts once in each.

So these do not add up over accounts, and are made for each OU. They are known of the present alone, and
stay with their day: a day that is over is filled again without them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import Q

from invariants.models import ExceptionEvent
from invariants.models.exceptions import ExceptionState, Risk, Verb
from invariants.queries.exceptions.deployed import unapproved
from invariants.queries.exceptions.numbers.breakdowns import band_names, band_of
from invariants.queries.exceptions.numbers.reckoning import median
from invariants.rollups.exceptions import places
from inventory.models import Organization, OrganizationalUnit
from posture.models import KpiPoint
from posture.rollups.kpis.rows import OuRow

_WEEK: Final = timedelta(days=7)
# The part whose points keep what is told besides.
_KEEPS: Final = "expired"
_REACHED: Final = """
SELECT ou_id, id, number, title, age, active, expiring, expired, zombie, renewed_twice, not_in_place
FROM exception_reached ORDER BY ou_id, number
"""


@dataclass(frozen=True, slots=True)
class _One:
    pk: int
    number: int
    title: str
    age: int | None
    active: bool
    expiring: bool
    expired: bool
    zombie: bool
    renewed_twice: bool
    not_in_place: bool


def of_ous(day: date, *, organization: Organization, now: datetime) -> Iterable[OuRow]:
    """The parts `expired`, `renewed` and `oldest` of every OU; none for a day that is over."""
    if day != now.date():
        return []
    places.prepare(organization, now=now)
    reached: dict[int, list[_One]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_REACHED)
        for ou_id, *values in cursor.fetchall():
            reached[ou_id].append(_One(*values))
    ous = OrganizationalUnit.objects.live().filter(organization=organization).order_by("pk")
    granted = _granted(organization, now)
    beside = {"unapproved": unapproved(organization)}
    rows: list[OuRow] = []
    for pk, depth in ous.values_list("pk", "depth"):
        rows += _rows(pk, reached[pk], granted, beside if depth == 0 else {})
    return rows


def _rows(
    ou: int, found: Sequence[_One], granted: Mapping[int, str], beside: Mapping[str, Any]
) -> list[OuRow]:
    active = [one for one in found if one.active]
    ages = [one.age for one in active if one.age is not None]
    told = _told(found, granted) | dict(beside)
    rows = [OuRow(ou, _KEEPS, sum(one.expired for one in found), 1, told)]
    if active:
        rows.append(OuRow(ou, "renewed", sum(one.renewed_twice for one in active), len(active)))
    if ages:
        rows.append(OuRow(ou, "oldest", max(ages), 1))
    return rows


def _told(found: Sequence[_One], granted: Mapping[int, str]) -> dict[str, Any]:
    active = [one for one in found if one.active]
    ages = sorted(one.age for one in active if one.age is not None)
    middle = median(ages)
    open_ = [one for one in found if one.active or one.expired]
    counted = Counter(band_of(one.age) for one in open_ if one.age is not None)
    levels = Counter(granted[one.pk] for one in found if one.pk in granted)
    return {
        "active": len(active),
        "expiring_30": sum(one.expiring for one in found),
        "expired": sum(one.expired for one in found),
        "zombies": sum(one.zombie for one in found),
        "not_in_place": sum(one.not_in_place for one in found),
        "renewed_twice": sum(one.renewed_twice for one in found),
        "third_periods": [
            [f"EX-{one.number:04d}", one.title] for one in found if one.renewed_twice
        ],
        "median_age_days": None if middle is None else str(middle),
        "max_age_days": ages[-1] if ages else None,
        "bands": [[name, counted[name]] for name in band_names() if counted[name]],
        "granted": [[risk, levels[risk]] for risk in reversed(Risk.values) if levels[risk]],
    }


def _granted(organization: Organization, now: datetime) -> dict[int, str]:
    """What was granted in the last seven days, by key, with its risk."""
    events = ExceptionEvent.objects.filter(
        Q(verb=Verb.GRANT) | Q(verb=Verb.APPROVE, state_after=ExceptionState.APPROVED),
        request__organization=organization,
        at__gt=now - _WEEK,
        at__lte=now,
    ).order_by("pk")
    rows = events.values_list("request_id", "request__residual_risk", "request__severity")
    return {pk: residual or severity for pk, residual, severity in rows}


def details(
    day: date, *, organization: Organization, now: datetime
) -> Mapping[int, Mapping[str, Any]]:
    """What the day keeps of the register, and `suppressed_unapproved`: open findings that somebody
    suppressed without an exception."""
    points = KpiPoint.objects.filter(kpi="K3", day=day, ou__organization=organization)
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    for point in points.filter(part__in=(_KEEPS, "suppressed")).order_by("pk"):
        if point.part == _KEEPS:
            found[point.ou_id] |= point.details
        else:
            found[point.ou_id]["suppressed_unapproved"] = int(point.numerator)
    return found
