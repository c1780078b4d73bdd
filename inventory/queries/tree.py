"""OUs as a person sees them: the way down to one, and the choices of a filter."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.db.models import QuerySet

from inventory import access, web
from inventory.access import AnyUser
from inventory.models import Account, Organization, OrganizationalUnit
from inventory.web import Key, Page

# Below every letter, so that what is below an OU stands before its next sibling.
_BELOW: Final = "\x1f"
_BY_ID: Final = (Key("org_id"),)


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


@dataclass(frozen=True, slots=True)
class Unit:
    """The root or an OU; `parent` is "" for the root, and where the person does not see it all."""

    ou_id: str
    name: str
    label: str
    parent: str
    depth: int
    role: str
    is_root: bool


@dataclass(frozen=True, slots=True)
class OrganizationLine:
    """An organisation; of the whole, the last three are for who sees it: else None."""

    org_id: str
    name: str
    home_region: str
    time_zone: str
    root_id: str | None
    management_account_id: str | None
    linked_regions: tuple[str, ...] | None


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


def place(ou: OrganizationalUnit) -> tuple[str, str]:
    """Its place in the order of the tree: what `in_tree_order` sorts by, and its id."""
    return (ou.label or "").casefold().replace(" / ", _BELOW), ou.ou_id


def units(user: AnyUser, *, cursor_text: str, size: int, within: str = "") -> Page[Unit]:
    """One page of the live OUs of which the person sees all accounts, in tree order. One query.

    :param within: a path: this OU and what is below it.
    """
    visible = _live(user).filter(path__startswith=within)
    page = web.part(sorted(visible, key=place), key=place, cursor_text=cursor_text, size=size)
    rows = tuple(_unit(user, ou) for ou in page.rows)
    return Page(rows, page.next_cursor, page.previous_cursor)


def unit(user: AnyUser, ou_id: str) -> Unit | None:
    """One of `units`; None where there is no such OU for the person. One query."""
    found = _live(user).filter(ou_id=ou_id).first()
    return _unit(user, found) if found else None


def _live(user: AnyUser) -> "QuerySet[OrganizationalUnit]":
    visible = OrganizationalUnit.objects.visible_to(user).live()
    return visible.select_related("organization", "parent")


def _unit(user: AnyUser, ou: OrganizationalUnit) -> Unit:
    scope = access.scope_of(user)
    parent = ou.parent
    is_seen = parent and (scope.everything or parent.path.startswith(scope.ou_paths or ("\0",)))
    return Unit(
        ou_id=ou.ou_id,
        name=shown_name(ou),
        label=ou.label or shown_name(ou),
        parent=parent.ou_id if parent and is_seen else "",
        depth=ou.depth,
        role=ou.role,
        is_root=ou.is_root,
    )


def organizations(user: AnyUser, *, cursor_text: str, size: int) -> Page[OrganizationLine]:
    """One page of the organisations in which the person sees any account. One query."""
    seen = Account.objects.visible_to(user).live().values("organization")
    page = web.keyset(
        Organization.objects.filter(pk__in=seen),
        keys=_BY_ID,
        cursor=web.read_cursor(cursor_text, keys=_BY_ID),
        size=size,
    )
    sees_all = access.scope_of(user).everything
    rows = tuple(_organization(row, sees_all=sees_all) for row in page.rows)
    return Page(rows, page.next_cursor, page.previous_cursor)


def _organization(row: Organization, *, sees_all: bool) -> OrganizationLine:
    return OrganizationLine(
        org_id=row.org_id,
        name=row.label,
        home_region=row.home_region,
        time_zone=row.time_zone,
        root_id=row.root_id if sees_all else None,
        management_account_id=row.management_account_id if sees_all else None,
        linked_regions=tuple(map(str, row.linked_regions)) if sees_all else None,
    )


def ou_choices(user: AnyUser) -> tuple[OuChoice, ...]:
    """Every live OU of which the person sees all accounts, in tree order. One query."""
    found = OrganizationalUnit.objects.visible_to(user).live().select_related("organization")
    return tuple(OuChoice(ou.ou_id, ou.label or shown_name(ou)) for ou in in_tree_order(found))


def organization() -> Organization | None:
    """The organisation, None before the first collection. One query."""
    return Organization.objects.order_by("pk").first()
