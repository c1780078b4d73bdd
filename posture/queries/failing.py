"""What fails in one account, now or at the end of a day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from inventory.access import AnyUser
from inventory.models import Account
from posture import scoring
from posture.queries import past
from posture.queries.figures import Standing
from posture.queries.past import PastControl


@dataclass(frozen=True, slots=True)
class FailingControl:
    """A control that fails in one account; `points` is what fixing it all would win, None unscored.

    `is_provisional`: it is new, and not scored before its first days are over.
    """

    control_id: str
    title: str
    severity: str
    area: str
    failed: int
    passed: int
    points: Decimal | None
    is_provisional: bool = False


def failing_controls(
    user: AnyUser, account: Account, standing: Standing, *, day: date
) -> tuple[FailingControl, ...]:
    """What fails in the account now, most points first. One query.

    What only a delegated administrator reports is about the whole organisation: not of this account.
    """
    cells = (
        account.cell_set.visible_to(user)
        .filter(failed__gt=0, control__is_delegated_admin_only=False)
        .select_related("control")
        .order_by("control__control_id")
    )
    return _by_points(
        _failing(
            PastControl(
                control_id=cell.control.control_id,
                title=cell.control.title,
                severity=cell.control.severity,
                area=cell.control.area,
                is_counted=cell.control.is_scored
                and (cell.control.scored_from is None or cell.control.scored_from <= day),
                is_scored=cell.control.is_scored,
                is_of_all=False,
                passed=cell.passed,
                failed=cell.failed,
            ),
            standing,
            account.criticality,
        )
        for cell in cells
    )


def failed_controls(
    account: Account, standing: Standing, *, day: date, criticality: int
) -> tuple[FailingControl, ...]:
    """What failed in the account at the end of a day, most points first. One query."""
    found = past.failing_in_account(account.pk, day=day)
    return _by_points(_failing(one, standing, criticality) for one in found)


def _by_points(lines: Iterable[FailingControl]) -> tuple[FailingControl, ...]:
    return tuple(sorted(lines, key=lambda line: (-(line.points or 0), line.control_id)))


def _failing(one: PastControl, standing: Standing, criticality: int) -> FailingControl:
    whole = standing.figures.sums.managed_d if standing.figures else Decimal(0)
    lost = None
    if one.is_counted:
        counts = scoring.Counts(passed=one.passed, failed=one.failed)
        weight = scoring.WEIGHTS[one.severity]
        lost = scoring.Sums.of_cell(counts, weight=weight, criticality=criticality).lost_weight
    return FailingControl(
        control_id=one.control_id,
        title=one.title,
        severity=one.severity,
        area=one.area_label,
        failed=one.failed,
        passed=one.passed,
        points=_points(lost, whole),
        is_provisional=one.is_scored and not one.is_counted,
    )


def _points(lost: Decimal | None, whole: Decimal) -> Decimal | None:
    return scoring.one_decimal(lost * 100 / whole) if lost is not None and whole else None
