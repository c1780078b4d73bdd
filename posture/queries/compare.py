"""Two OUs side by side."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from inventory.access import AnyUser
from inventory.models import OrganizationalUnit
from inventory.queries import tree
from posture.queries import fixing, kpis, organization, ou_days, past
from posture.queries.figures import Standing
from posture.queries.organization import AreaScore
from posture.queries.ou_days import OuPast
from posture.queries.past import PastControl
from posture.queries.scorecard import below, deadlines
from posture.queries.scorecard.deadlines import Deadline

CONTROLS_SHOWN: Final = 15


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two OUs; `letters` are its scored accounts by letter, best first."""

    ou_id: str
    name: str
    label: str
    standing: Standing
    trend: tuple[tuple[str, Decimal | None], ...]
    areas: tuple[AreaScore, ...]
    letters: tuple[tuple[str, int], ...]
    deadlines: tuple[Deadline, ...]


@dataclass(frozen=True, slots=True)
class AreaPair:
    """One area of both; `gap` is the second minus the first, None where one of them has no score."""

    first: AreaScore
    second: AreaScore
    gap: Decimal | None


@dataclass(frozen=True, slots=True)
class Shared:
    """A control that fails in both, and the points that it costs each."""

    control_id: str
    title: str
    severity: str
    area: str
    first: PastControl
    second: PastControl
    first_points: Decimal | None
    second_points: Decimal | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """`gap` is the second score minus the first. `shared_total` counts all controls in common."""

    first: Side
    second: Side
    gap: Decimal | None
    areas: tuple[AreaPair, ...]
    shared: tuple[Shared, ...]
    shared_total: int


def compare(user: AnyUser, a: str, b: str, *, day: date) -> Comparison | None:
    """Both OUs, None where the person may not see one of them. Ten queries."""
    visible = OrganizationalUnit.objects.visible_to(user).select_related("organization")
    found = {ou.ou_id: ou for ou in visible.filter(ou_id__in=(a, b))}
    if a not in found or b not in found:
        return None
    ous = (found[a], found[b])
    pasts = ou_days.of_ous([ou.pk for ou in ous], day=day)
    first, second = (_side(ou, pasts[ou.pk], day=day) for ou in ous)
    shared = _shared(ous, first.standing, second.standing, day=day)
    return Comparison(
        first=first,
        second=second,
        gap=_gap(first.standing.score, second.standing.score),
        areas=tuple(
            AreaPair(one, other, _gap(one.score, other.score))
            for one, other in zip(first.areas, second.areas, strict=True)
        ),
        shared=shared[:CONTROLS_SHOWN],
        shared_total=len(shared),
    )


def _side(ou: OrganizationalUnit, past: OuPast, *, day: date) -> Side:
    standing = past.history.standing
    letters = below.letters_below(ou, day=standing.as_of) if standing.as_of else {}
    (line,) = kpis.lines_of(ou, day=day, ids=[deadlines.KPI])
    return Side(
        ou_id=ou.ou_id,
        name=tree.shown_name(ou),
        label=ou.label or tree.shown_name(ou),
        standing=standing,
        trend=past.history.trend,
        areas=organization.area_scores(past.areas),
        letters=below.in_order(letters),
        deadlines=deadlines.deadlines(past.history.now, line),
    )


def _shared(
    ous: tuple[OrganizationalUnit, OrganizationalUnit], a: Standing, b: Standing, *, day: date
) -> tuple[Shared, ...]:
    """Controls that are scored and fail in both, most points together first. Two queries."""
    first, second = (
        {one.control_id: one for one in past.failing_in_ou(ou.pk, day=day) if one.is_counted}
        for ou in ous
    )
    rows = [
        Shared(
            control_id=one.control_id,
            title=one.title,
            severity=one.severity,
            area=one.area_label,
            first=one,
            second=second[key],
            first_points=_points(one, a),
            second_points=_points(second[key], b),
        )
        for key, one in first.items()
        if key in second
    ]
    return tuple(sorted(rows, key=_by_points))


def _by_points(row: Shared) -> tuple[Decimal, str]:
    return (-((row.first_points or Decimal(0)) + (row.second_points or Decimal(0))), row.control_id)


def _points(one: PastControl, standing: Standing) -> Decimal | None:
    whole = standing.figures.sums.managed_d if standing.figures else Decimal(0)
    return fixing.points(one.lost_weight, whole)


def _gap(first: Decimal | None, second: Decimal | None) -> Decimal | None:
    return None if first is None or second is None else second - first
