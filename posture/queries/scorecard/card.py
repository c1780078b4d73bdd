"""The scorecard of one OU."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from inventory.access import AnyUser
from inventory.models import OrganizationalUnit
from inventory.queries import tree
from inventory.queries.tree import Step
from posture import kpis as cards
from posture.kpis.statistics import Xmr
from posture.queries import change_page, changes, figures, fixing, kpis, organization, ou_days
from posture.queries.accounts import AccountRow
from posture.queries.change_page import ChangeParts
from posture.queries.figures import Measure, Standing
from posture.queries.fixing import ControlRow, FailingControls
from posture.queries.organization import AreaScore, OuRow
from posture.queries.ou_days import OuPast
from posture.queries.scorecard import below, beside, controls, deadlines, kin, references
from posture.queries.scorecard.beside import AwsFigure, Exceptions
from posture.queries.scorecard.deadlines import Deadline
from posture.queries.scorecard.people import People
from posture.queries.scorecard.references import Reference

_SCORE: Final = "K1"
_KPIS: Final = (_SCORE, deadlines.KPI)


@dataclass(frozen=True, slots=True)
class AccountNeed:
    """An account, and the points that its failures cost the OU."""

    account: AccountRow
    points: Decimal | None


@dataclass(frozen=True, slots=True)
class Child:
    """A child OU, and how many of its scored accounts have which letter, best first."""

    ou: OuRow
    letters: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Scorecard:
    """`day` is that of the figures. `change` is why the score moved in the week, None where unknown.

    `aws` is a figure of today, None on a frozen page. `formula_version` is that of the score.
    """

    ou_id: str
    name: str
    role: str
    role_label: str
    is_root: bool
    is_scored: bool
    is_frozen: bool
    way: tuple[Step, ...]
    standing: Standing
    failed: Measure
    trend: tuple[tuple[str, Decimal | None], ...]
    xmr: Xmr | None
    areas: tuple[AreaScore, ...]
    reference: Reference
    letters: tuple[tuple[str, int], ...]
    children: tuple[Child, ...]
    change: ChangeParts | None
    deadlines: tuple[Deadline, ...]
    failing: FailingControls
    needs: tuple[AccountNeed, ...]
    lowest: tuple[AccountNeed, ...]
    exceptions: Exceptions
    aws: AwsFigure | None
    people: People | None
    formula_version: int

    @property
    def is_empty(self) -> bool:
        return self.standing.figures is None

    @property
    def controls(self) -> tuple[ControlRow, ...]:
        return self.failing.top

    @property
    def day(self) -> date | None:
        return self.standing.as_of

    @property
    def day_text(self) -> str:
        """The day as an address has it."""
        return self.day.isoformat() if self.day else ""


def scorecard(user: AnyUser, ou_id: str, *, day: date, is_frozen: bool = False) -> Scorecard | None:
    """The OU, None when there is none or the person may not see all of it.

    As many queries however many OUs, accounts and days there are.

    :param is_frozen: as it was at the end of `day`, with the OUs and accounts of that day.
    """
    visible = OrganizationalUnit.objects.visible_to(user).select_related("organization")
    ou = visible.filter(ou_id=ou_id).first()
    if ou is None:
        return None
    way, children = kin.kin(user, ou, day=day, is_frozen=is_frozen)
    pasts = ou_days.of_ous({ou.pk, *(one.pk for one in children)}, day=day)
    past = pasts[ou.pk].history
    standing = past.standing
    marks = references.references(user, ou, day=standing.as_of) if standing.as_of else {}
    accounts = None
    if standing.as_of:
        accounts = below.below(user, ou, day=standing.as_of, is_frozen=is_frozen)
    by_path = accounts.letters if accounts else {}
    lines = {line.kpi.id: line for line in kpis.lines_of(ou, day=day, ids=_KPIS)}
    change = changes.of_week(user, ou, day=day)
    load = standing.exception_load
    aws, exceptions = (None, beside.then(load)) if is_frozen else beside.now(ou, load)
    return Scorecard(
        ou_id=ou.ou_id,
        name=tree.shown_name(ou),
        role=ou.role,
        role_label=ou.get_role_display(),
        is_root=ou.is_root,
        is_scored=ou.role != OrganizationalUnit.Role.SUSPENDED,
        is_frozen=is_frozen,
        way=way,
        standing=standing,
        failed=figures.measure(past, "failed"),
        trend=past.trend,
        xmr=lines[_SCORE].xmr,
        areas=_with_marks(organization.area_scores(pasts[ou.pk].areas), marks),
        reference=marks.get("", Reference()),
        letters=_letters(by_path, ou),
        children=_children(children, pasts, by_path),
        change=change_page.kept(change) if change else None,
        deadlines=deadlines.deadlines(standing.figures, lines[deadlines.KPI]),
        failing=controls.failing_controls(ou, standing, day=day, is_frozen=is_frozen),
        needs=_with_points(accounts.needing_help, standing) if accounts else (),
        lowest=_with_points(accounts.lowest, standing) if accounts else (),
        exceptions=exceptions,
        aws=aws,
        people=accounts.people if accounts else None,
        formula_version=cards.registry()[_SCORE].formula_version,
    )


def _with_marks(
    areas: Sequence[AreaScore], marks: Mapping[str, Reference]
) -> tuple[AreaScore, ...]:
    return tuple(
        replace(
            area,
            tick=marks.get(area.code, Reference()).organization,
            siblings=marks.get(area.code, Reference()).siblings,
        )
        for area in areas
    )


def _letters(
    by_path: Mapping[str, Counter[str]], ou: OrganizationalUnit
) -> tuple[tuple[str, int], ...]:
    """Over all accounts below an OU, every letter, best first."""
    counted = (counts for path, counts in by_path.items() if path.startswith(ou.path))
    return below.in_order(sum(counted, Counter()))


def _children(
    ous: Sequence[OrganizationalUnit],
    pasts: Mapping[int, OuPast],
    by_path: Mapping[str, Counter[str]],
) -> tuple[Child, ...]:
    return tuple(Child(organization.ou_row(ou, pasts[ou.pk]), _letters(by_path, ou)) for ou in ous)


def _with_points(rows: Sequence[AccountRow], standing: Standing) -> tuple[AccountNeed, ...]:
    whole = standing.figures.sums.managed_d if standing.figures else Decimal(0)
    return tuple(AccountNeed(row, fixing.points(row.lost, whole)) for row in rows)
