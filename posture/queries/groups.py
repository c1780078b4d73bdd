"""Groups of the identity provider: what each gives, and which come without giving anything."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Count, OuterRef, Subquery

from inventory.access import AnyUser
from inventory.models import Team
from posture.models import GroupMapping, ProvidedRole, ProvidedTeam, SeenGroup
from posture.policies import roles

# Of the groups that give nothing, the latest.
SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Mapping:
    """`role` or `team` is "". `people` have it by this group now; `seen_at` is None for never."""

    pk: int
    group: str
    role: str
    team: str
    team_slug: str
    people: int
    added_by: str
    added_at: datetime
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Unmapped:
    """Groups that people came with and that give nothing: the latest, and how many more there are."""

    groups: tuple[SeenGroup, ...]
    more: int


def mappings(user: AnyUser) -> tuple[Mapping, ...]:
    """All of them by group, for people who manage people. Three queries."""
    if not user.has_perm(roles.MANAGE_PEOPLE):
        return ()
    seen = SeenGroup.objects.filter(name=OuterRef("group")).values("last_seen_at")
    rows = GroupMapping.objects.select_related("role", "team").annotate(seen_at=Subquery(seen))
    given_roles = ProvidedRole.objects.values("by", "role").annotate(people=Count("pk"))
    given_teams = ProvidedTeam.objects.values("by", "team").annotate(people=Count("pk"))
    by_role: dict[tuple[str, int | None], int] = {
        (one["by"], one["role"]): one["people"] for one in given_roles.order_by()
    }
    by_team: dict[tuple[str, int | None], int] = {
        (one["by"], one["team"]): one["people"] for one in given_teams.order_by()
    }
    return tuple(
        Mapping(
            pk=row.pk,
            group=row.group,
            role=row.role.name if row.role else "",
            team=row.team.name if row.team else "",
            team_slug=row.team.slug if row.team else "",
            people=(by_role if row.role else by_team).get(
                (row.group, row.role_id or row.team_id), 0
            ),
            added_by=row.added_by,
            added_at=row.added_at,
            seen_at=row.seen_at,
        )
        for row in rows.order_by("group", "pk")
    )


def unmapped(user: AnyUser) -> Unmapped:
    """Two queries."""
    if not user.has_perm(roles.MANAGE_PEOPLE):
        return Unmapped((), 0)
    rows = SeenGroup.objects.exclude(name__in=GroupMapping.objects.values("group"))
    found = tuple(rows.order_by("-last_seen_at", "name")[:SHOWN])
    return Unmapped(found, max(0, rows.count() - len(found)))


def teams() -> tuple[tuple[str, str], ...]:
    """Slug and name of every team. One query."""
    return tuple(Team.objects.order_by("name", "pk").values_list("slug", "name"))
