"""Where an OU stands in the tree: the way down to it, and the OUs below it."""

from datetime import date

from django.db.models import Q

from inventory.access import AnyUser
from inventory.models import OrganizationalUnit
from inventory.queries import tree
from inventory.queries.tree import Step
from posture.models import OuDay


def kin(
    user: AnyUser, ou: OrganizationalUnit, *, day: date, is_frozen: bool
) -> tuple[tuple[Step, ...], list[OrganizationalUnit]]:
    """The way from the root, and the children in tree order. One query.

    Children are those there are, or those that had a row on the day. Whoever calls has made sure
    that the person sees the OU, and so what is below it; of the way, `Step` says what they see.
    """
    child = Q(parent=ou)
    if is_frozen:
        child &= Q(pk__in=OuDay.objects.filter(day=day, area="").values("ou"))
    else:
        child &= Q(gone_at=None)
    ids = ou.path.strip("/").split("/")
    rows = OrganizationalUnit.objects.filter(child | Q(ou_id__in=ids))
    found = list(rows.select_related("organization"))
    children = [one for one in found if one.parent_id == ou.pk]
    return tree.steps(user, found, ou.path), tree.in_tree_order(children)
