"""OUs as a person sees them: the way down to one, and the choices of a filter."""

from collections.abc import Iterable
from dataclasses import dataclass

from inventory import access
from inventory.access import AnyUser
from inventory.models import Organization, OrganizationalUnit


@dataclass(frozen=True, slots=True)
class Step:
    """One OU on the way from the root; `is_visible`: the person may open its scorecard."""

    ou_id: str
    name: str
    is_visible: bool


@dataclass(frozen=True, slots=True)
class OuChoice:
    ou_id: str
    label: str


def way_to(user: AnyUser, path: str) -> tuple[Step, ...]:
    """The OUs of a path from the root down; the root carries the organisation's name. One query."""
    ids = path.strip("/").split("/")
    found = OrganizationalUnit.objects.filter(ou_id__in=ids).select_related("organization")
    return steps(user, found, path)


def steps(user: AnyUser, ous: Iterable[OrganizationalUnit], path: str) -> tuple[Step, ...]:
    """Those of the OUs that are on the way to a path. No query.

    What stands above the person's own part of the tree is left out: its names are not theirs.
    """
    scope = access.scope_of(user)
    ids = path.strip("/").split("/")
    on_the_way = [ou for ou in ous if ou.ou_id in ids]
    found = []
    for ou in sorted(on_the_way, key=lambda ou: ou.depth):
        is_visible = scope.everything or ou.path.startswith(scope.ou_paths or ("\0",))
        if is_visible or ou.path == path:
            found.append(Step(ou.ou_id, shown_name(ou), is_visible))
    return tuple(found)


def shown_name(ou: OrganizationalUnit) -> str:
    """The root is called Root by AWS; people know it by the organisation's name."""
    return ou.organization.label if ou.is_root else ou.name


def in_tree_order(ous: Iterable[OrganizationalUnit]) -> list[OrganizationalUnit]:
    """Parents before their children, siblings by name."""
    return sorted(ous, key=lambda ou: (ou.label or "").casefold().split(" / ") if ou.label else [])


def ou_choices(user: AnyUser) -> tuple[OuChoice, ...]:
    """Every live OU of which the person sees all accounts, in tree order. One query."""
    found = OrganizationalUnit.objects.visible_to(user).live().select_related("organization")
    return tuple(OuChoice(ou.ou_id, ou.label or shown_name(ou)) for ou in in_tree_order(found))


def organization() -> Organization | None:
    """The organisation, None before the first collection. One query."""
    return Organization.objects.order_by("pk").first()
