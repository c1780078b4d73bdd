"""How the counts of one OU went over the weeks, for who sees all of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from invariants.models.exceptions.reconciliation import ReconciliationRun
from invariants.queries.exceptions import history
from inventory.models import Organization, OrganizationalUnit
from inventory.queries import tree
from inventory.queries.tree import OuChoice

if TYPE_CHECKING:
    from inventory.access import AnyUser


@dataclass(frozen=True, slots=True)
class Course:
    """`places`: the OUs to choose from; `place` is the one that is shown, None: the person sees none whole.

    `counted_at`: when a collection counted last; None: none has. Only the root knows what is deployed
    that nobody approved, and with it the zombie rate: `is_root`.
    """

    places: tuple[OuChoice, ...] = ()
    place: OuChoice | None = None
    is_root: bool = False
    weeks: tuple[history.Week, ...] = ()
    counted_at: datetime | None = None


def course(
    user: "AnyUser", organization: Organization, *, ou_id: str = "", now: datetime
) -> Course:
    """Of the OU, or of the highest that the person sees where they see none of this id. Four queries."""
    places = tree.ou_choices(user)
    if not places:
        return Course()
    place = next((one for one in places if one.ou_id == ou_id), places[0])
    ou = OrganizationalUnit.objects.visible_to(user).get(
        organization=organization, ou_id=place.ou_id
    )
    runs = ReconciliationRun.objects.filter(organization=organization).order_by("-at", "-pk")
    return Course(
        places=places,
        place=place,
        is_root=ou.depth == 0,
        weeks=history.weeks(user, ou, until=now.date()),
        counted_at=runs.values_list("at", flat=True).first(),
    )
