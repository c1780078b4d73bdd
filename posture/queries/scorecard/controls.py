"""The controls that fail below an OU: those that cost it most, and those that are not scored in it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from django.db.models import Q

from inventory.access import AnyUser
from inventory.models import OrganizationalUnit
from posture import scoring
from posture.models import OuControl
from posture.queries import past
from posture.queries.figures import Standing
from posture.queries.past import PastControl

SHOWN: Final = 10
BESIDE_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class OuControlRow:
    """A control that fails below the OU; `points` is what fixing it all would win the OU.

    `is_provisional`: new, and not scored before `scored_from`, which is not kept for days of the past.
    """

    control_id: str
    title: str
    severity: str
    area: str
    failed: int
    accounts_failing: int
    accounts: int
    overdue: int
    points: Decimal | None
    is_provisional: bool = False
    scored_from: date | None = None


@dataclass(frozen=True, slots=True)
class FailingControls:
    """`top` are scored, most lost weight first; `of_all` are of the organisation: only in the root."""

    top: tuple[OuControlRow, ...]
    provisional: tuple[OuControlRow, ...]
    of_all: tuple[OuControlRow, ...]


def failing_controls(
    user: AnyUser, ou: OrganizationalUnit, standing: Standing, *, day: date, is_frozen: bool
) -> FailingControls:
    """Two queries, one of a day that is over."""
    if is_frozen:
        found = past.failing_in_ou(ou.pk, day=day)
        rows = [(one, _row(one, standing)) for one in found]
    else:
        rows = [(one, _row(one, standing, since)) for one, since in _now(user, ou, day=day)]
    return FailingControls(
        top=tuple(row for one, row in rows if not (row.is_provisional or one.is_of_all))[:SHOWN],
        provisional=tuple(row for _, row in rows if row.is_provisional)[:BESIDE_SHOWN],
        of_all=tuple(row for one, row in rows if one.is_of_all and not row.is_provisional),
    )


def _now(
    user: AnyUser, ou: OrganizationalUnit, *, day: date
) -> list[tuple[PastControl, date | None]]:
    """Each with the day from which on it is scored, None for those that are."""
    rows = (
        OuControl.objects.visible_to(user)
        .filter(ou=ou, failed__gt=0)
        .select_related("control")
        .order_by("-lost_weight", "control__control_id")
    )
    is_beside = Q(control__scored_from__gt=day) | Q(control__is_delegated_admin_only=True)
    counted = Q(control__scored_from=None) | Q(control__scored_from__lte=day)
    top = rows.filter(counted, control__is_delegated_admin_only=False)
    return [
        _as_counted(row, day=day) for row in [*top[:SHOWN], *rows.filter(is_beside)[:BESIDE_SHOWN]]
    ]


def _as_counted(row: OuControl, *, day: date) -> tuple[PastControl, date | None]:
    control = row.control
    since = control.scored_from if control.scored_from and control.scored_from > day else None
    counted = PastControl(
        control_id=control.control_id,
        title=control.title,
        severity=control.severity,
        area=control.area,
        is_counted=control.is_scored and since is None,
        is_scored=control.is_scored,
        is_of_all=control.is_delegated_admin_only,
        passed=row.passed,
        failed=row.failed,
        accounts_failing=row.accounts_failing,
        accounts=row.accounts,
        overdue=row.overdue,
        lost_weight=row.lost_weight,
    )
    return counted, since


def _row(one: PastControl, standing: Standing, scored_from: date | None = None) -> OuControlRow:
    whole = standing.figures.sums.managed_d if standing.figures else Decimal(0)
    is_provisional = one.is_scored and not one.is_counted
    return OuControlRow(
        control_id=one.control_id,
        title=one.title,
        severity=one.severity,
        area=one.area_label,
        failed=one.failed,
        accounts_failing=one.accounts_failing,
        accounts=one.accounts,
        overdue=one.overdue,
        points=points(one.lost_weight, whole) if one.is_counted else None,
        is_provisional=is_provisional,
        scored_from=scored_from,
    )


def points(lost: Decimal, whole: Decimal) -> Decimal | None:
    """Points of a score with this denominator that so much weight is worth."""
    return scoring.one_decimal(lost * 100 / whole) if whole else None
