"""The scorecard of one OU."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q

from inventory.access import AnyUser
from inventory.models import OrganizationalUnit
from inventory.queries import tree
from inventory.queries.tree import Step
from posture import scoring
from posture.models import OuControl
from posture.queries import accounts, days, figures, organization
from posture.queries.accounts import AccountRow
from posture.queries.figures import Measure, Standing
from posture.queries.organization import AreaScore, OuRow

CONTROLS_SHOWN = 10
ACCOUNTS_SHOWN = 7


@dataclass(frozen=True, slots=True)
class OuControlRow:
    """A control that fails below the OU; `points` is what fixing it all would win the OU."""

    control_id: str
    title: str
    severity: str
    area: str
    failed: int
    accounts_failing: int
    accounts: int
    overdue: int
    points: Decimal | None


@dataclass(frozen=True, slots=True)
class AccountNeed:
    """An account, and the points that its failures cost the OU."""

    account: AccountRow
    points: Decimal | None


@dataclass(frozen=True, slots=True)
class Scorecard:
    ou_id: str
    name: str
    role: str
    role_label: str
    is_root: bool
    is_scored: bool
    way: tuple[Step, ...]
    standing: Standing
    failed: Measure
    trend: tuple[tuple[str, Decimal | None], ...]
    areas: tuple[AreaScore, ...]
    children: tuple[OuRow, ...]
    controls: tuple[OuControlRow, ...]
    needs: tuple[AccountNeed, ...]

    @property
    def is_empty(self) -> bool:
        return self.standing.figures is None


def scorecard(user: AnyUser, ou_id: str, *, day: date) -> Scorecard | None:
    """The OU, None when there is none or the person may not see all of it. Nine queries."""
    visible = OrganizationalUnit.objects.visible_to(user).select_related("organization")
    family = list(visible.filter(ou_id=ou_id)[:1])
    if not family:
        return None
    ou = family[0]
    # Its children for their cards, and the root for the ticks.
    near = Q(parent=ou) | Q(parent=None, organization=ou.organization_id)
    others = list(visible.live().filter(near).exclude(pk=ou.pk))
    family += others
    histories = days.ou_histories(user, {one.pk for one in family}, day=day)
    areas = days.ou_areas(user, histories)
    past = histories[ou.pk]
    standing = figures.standing(past.now, past.before)
    root = next((one for one in others if one.is_root), None)
    children = [one for one in others if one.parent_id == ou.pk]
    return Scorecard(
        ou_id=ou.ou_id,
        name=tree.shown_name(ou),
        role=ou.role,
        role_label=ou.get_role_display(),
        is_root=ou.is_root,
        is_scored=ou.role != OrganizationalUnit.Role.SUSPENDED,
        way=tree.way_to(user, ou.path),
        standing=standing,
        failed=figures.measure(past, "failed"),
        trend=past.trend,
        areas=organization.area_scores(areas[ou.pk], areas[root.pk] if root else None),
        children=tuple(
            organization.ou_row(one, histories[one.pk], areas[one.pk])
            for one in tree.in_tree_order(children)
        ),
        controls=_controls(user, ou, standing),
        needs=_needs(user, ou, standing, day=day),
    )


def _controls(
    user: AnyUser, ou: OrganizationalUnit, standing: Standing
) -> tuple[OuControlRow, ...]:
    """What costs the OU most, most first. One query."""
    rows = (
        OuControl.objects.visible_to(user)
        .filter(ou=ou, failed__gt=0)
        .select_related("control")
        .order_by("-lost_weight", "control__control_id")
    )
    return tuple(
        OuControlRow(
            control_id=row.control.control_id,
            title=row.control.title,
            severity=row.control.severity,
            area=row.control.get_area_display() if row.control.area else "",
            failed=row.failed,
            accounts_failing=row.accounts_failing,
            accounts=row.accounts,
            overdue=row.overdue,
            points=_points(row.lost_weight, standing),
        )
        for row in rows[:CONTROLS_SHOWN]
    )


def _needs(
    user: AnyUser, ou: OrganizationalUnit, standing: Standing, *, day: date
) -> tuple[AccountNeed, ...]:
    found = accounts.needing_help(user, ou.path, day=day, limit=ACCOUNTS_SHOWN)
    return tuple(AccountNeed(row, _points(row.lost, standing)) for row in found)


def _points(lost: Decimal, standing: Standing) -> Decimal | None:
    """Points of the OU's score that this much weight is worth."""
    whole = standing.figures.sums.managed_d if standing.figures else Decimal(0)
    return scoring.one_decimal(lost * 100 / whole) if whole else None
