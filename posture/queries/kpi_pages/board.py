"""All thirty KPIs of an OU: the headline ten, then the areas."""

from dataclasses import dataclass
from datetime import date

from findings.models import Area
from inventory.access import AnyUser
from inventory.models import OrganizationalUnit
from inventory.queries import tree
from inventory.queries.tree import OuChoice
from posture import kpis
from posture.kpis import Status
from posture.queries.kpi_pages.rows import KpiRow
from posture.queries.kpis import lines
from posture.queries.review_page import Mark, status

_OVERALL = "Overall"


@dataclass(frozen=True, slots=True)
class AreaGroup:
    """The KPIs of a security area; the code of what is about all of them is ""."""

    code: str
    label: str
    rows: tuple[KpiRow, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """`ou_id` is "" for somebody who sees no OU as a whole: then there are cards and no numbers.

    `data_day` is the newest day of any of the numbers, None before the first fill.
    """

    ou_id: str
    ou_label: str
    ous: tuple[OuChoice, ...]
    headlines: tuple[KpiRow, ...]
    areas: tuple[AreaGroup, ...]
    counts: tuple[tuple[Mark, int], ...]
    data_day: date | None

    @property
    def is_empty(self) -> bool:
        return self.data_day is None


def choose(user: AnyUser, ou: OrganizationalUnit | None) -> OrganizationalUnit | None:
    """The OU that was asked for, else the uppermost that the person sees as a whole. One query."""
    if ou is not None:
        return ou
    visible = OrganizationalUnit.objects.visible_to(user).live().select_related("organization")
    return visible.order_by("depth", "name", "pk").first()


def board(user: AnyUser, ou: OrganizationalUnit | None, *, day: date) -> Board:
    """The KPIs of the OU, or of the uppermost one. Six queries, whatever the history."""
    chosen = choose(user, ou)
    found = lines(user, chosen, day=day) if chosen else ()
    by_id = {line.kpi.id: line for line in found}
    rows = {card.id: KpiRow(card, by_id.get(card.id)) for card in kpis.registry().values()}
    return Board(
        ou_id=chosen.ou_id if chosen else "",
        ou_label=label_of(chosen) if chosen else "",
        ous=tree.ou_choices(user),
        headlines=tuple(rows[kpi_id] for kpi_id in kpis.HEADLINES),
        areas=_areas(tuple(rows.values())),
        counts=_counts(tuple(rows.values())) if chosen else (),
        data_day=max((line.data_day for line in found if line.data_day), default=None),
    )


def label_of(ou: OrganizationalUnit) -> str:
    return ou.label or tree.shown_name(ou)


def _areas(rows: tuple[KpiRow, ...]) -> tuple[AreaGroup, ...]:
    groups = [("", _OVERALL), *((area.value, area.label) for area in Area)]
    return tuple(
        AreaGroup(code, label, tuple(row for row in rows if row.card.area == code))
        for code, label in groups
    )


def _counts(rows: tuple[KpiRow, ...]) -> tuple[tuple[Mark, int], ...]:
    """How many stand how, in a fixed order; those that no KPI has are left out."""
    counted = [
        (status(one), sum(row.line is not None and row.line.status is one for row in rows))
        for one in Status
    ]
    return tuple((mark, count) for mark, count in counted if count)
