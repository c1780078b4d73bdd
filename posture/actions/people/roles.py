"""Roles of people: given and taken by hand, or by the groups of the identity provider."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from inventory.models import Team, TeamMembership
from posture.actions.people.refusals import Refused, groups_of, keep_a_manager, locked
from posture.models import Profile, ProvidedRole, ProvidedTeam


@dataclass(frozen=True, slots=True)
class Changed:
    """Names of roles, sorted."""

    given: tuple[str, ...]
    taken: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.given or self.taken)


@transaction.atomic
def change_roles(
    by: User, pk: int, *, give: Iterable[str], take: Iterable[str], now: datetime
) -> Changed:
    """Give and take several roles at once; what is so already is passed over.

    :raises PermissionDenied: when `by` may not manage people.
    :raises User.DoesNotExist: when there is no such user.
    :raises Refused: for one's own roles, a name that is no role, a role that the identity provider
        gives, and the last person who manages people.
    """
    person = locked(by, pk)
    wanted, unwanted = groups_of(give), groups_of(take)
    has = set(person.groups.values_list("pk", flat=True))
    given = [group for group in wanted if group.pk not in has]
    taken = [group for group in unwanted if group.pk in has]
    provided = ProvidedRole.objects.filter(user=person, role__in=taken).select_related("role")
    if row := provided.order_by("role__name").first():
        raise Refused(
            f"{row.role.name} comes from the group {row.by} of the identity provider: "
            "take the person out of that group there."
        )
    person.groups.add(*given)
    person.groups.remove(*taken)
    keep_a_manager()
    return Changed(tuple(group.name for group in given), tuple(group.name for group in taken))


@transaction.atomic
def provide(
    person: User, *, roles: Mapping[str, str], teams: Mapping[str, str], now: datetime
) -> Changed:
    """Give exactly what the groups of the identity provider give now, and take what they gave before.

    For the moment of signing in, so nobody is asked for a right. What somebody gave by hand stays, and
    stays theirs to take. It is not refused to take the last role that manages people: the provider is
    the one to say who may, and the break-glass account is for such days.

    :param roles: name of a role to the provider's group that gives it. :param teams: the same by slug.
    :raises Refused: for a name that is no role, a slug that is no team, and a service account.
    """
    User.objects.select_for_update(of=("self",)).get(pk=person.pk)
    if Profile.objects.filter(user=person, kind=Profile.Kind.SERVICE).exists():
        raise Refused(f"{person.get_username()} is a service account: no provider signs it in.")
    _provide_teams(person, teams)
    return _provide_roles(person, roles)


def _provide_roles(person: User, wanted: Mapping[str, str]) -> Changed:
    groups = {group.pk: group for group in groups_of(wanted)}
    before = {row.role_id: row for row in person.provided_roles.select_related("role")}
    has = set(person.groups.values_list("pk", flat=True))
    taken = [row.role for key, row in before.items() if key not in groups]
    given = [group for key, group in groups.items() if key not in has]
    person.groups.remove(*taken)
    person.groups.add(*given)
    person.provided_roles.filter(role__in=taken).delete()
    # What the person has by hand already is theirs without the provider.
    for group in (*given, *(groups[key] for key in before if key in groups)):
        ProvidedRole.objects.update_or_create(
            user=person, role=group, defaults={"by": wanted[group.name]}
        )
    return Changed(
        tuple(sorted(group.name for group in given)), tuple(sorted(group.name for group in taken))
    )


def _provide_teams(person: User, wanted: Mapping[str, str]) -> None:
    teams = {team.pk: team for team in Team.objects.filter(slug__in=wanted)}
    if odd := sorted(set(wanted) - {team.slug for team in teams.values()}):
        raise Refused(f"There is no team {odd[0]!r}: teams come from the account tag owner.")
    before = set(person.provided_teams.values_list("team_id", flat=True))
    has = set(person.team_memberships.values_list("team_id", flat=True))
    gone = before - set(teams)
    person.team_memberships.filter(team__in=gone).delete()
    person.provided_teams.filter(team__in=gone).delete()
    for key, team in teams.items():
        if key not in has:
            TeamMembership.objects.create(user=person, team=team)
        if key not in has or key in before:
            ProvidedTeam.objects.update_or_create(
                user=person, team=team, defaults={"by": wanted[team.slug]}
            )
