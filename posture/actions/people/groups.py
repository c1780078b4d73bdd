"""Which role or team a group of the identity provider gives. The audit log watches the tables."""

from datetime import datetime

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import QuerySet

from inventory.models import Team, TeamMembership
from posture.actions.people.refusals import Refused, groups_of, keep_a_manager, permit
from posture.models import GroupMapping, ProvidedRole, ProvidedTeam, ProviderSignIn
from posture.policies import groups as policies
from posture.policies import roles as table


@transaction.atomic
def map_group(
    by: User, *, group: str, role: str = "", team: str = "", now: datetime
) -> GroupMapping:
    """Let a group give a role or a team (by its slug), from each person's next sign-in on.

    :raises PermissionDenied: when `by` may not manage people.
    :raises Refused: for a group that cannot be one, that gives the same already, or that `by` is in; for
        a name that is no role, a slug that is no team, and both or neither of them.
    """
    _begin(by)
    name = group.strip()
    _check(by, name)
    if bool(role) == bool(team):
        raise Refused("Choose one thing that the group gives: a role or a team.")
    row = GroupMapping(group=name, added_by=by.get_username(), added_at=now)
    row.role = groups_of([role])[0] if role else None
    row.team = _team(team) if team else None
    if GroupMapping.objects.filter(group=name, role=row.role, team=row.team).exists():
        raise Refused(f"The group {name} gives that already.")
    row.save()
    return row


@transaction.atomic
def unmap_group(by: User, pk: int, *, now: datetime) -> int:
    """Take a mapping away, and at once what it gave; returns how many people lost something.

    Who has the same by another of their groups keeps it.

    :raises PermissionDenied: when `by` may not manage people.
    :raises GroupMapping.DoesNotExist: when there is no such mapping.
    :raises Refused: for a group that `by` is in, and when nobody would manage people any more.
    """
    _begin(by)
    row = GroupMapping.objects.select_related("role", "team").get(pk=pk)
    _not_own(by, row.group)
    row.delete()
    count = _take_role(row) if row.role is not None else _take_team(row)
    keep_a_manager()
    return count


def _begin(by: User) -> None:
    """Changes of people wait for each other, as in `refusals.locked`."""
    permit(by)
    list(Group.objects.filter(name__in=table.ROLE_NAMES).order_by("pk").select_for_update())


def _check(by: User, name: str) -> None:
    if not name:
        raise Refused("The group is empty: write its name as the identity provider does.")
    if not policies.is_mappable(name):
        raise Refused(
            f"The name of the group should have {policies.LONGEST} characters at most, all of them "
            "visible, in one line."
        )
    _not_own(by, name)


def _not_own(by: User, group: str) -> None:
    """:raises Refused: when the person is in the group: nobody changes their own roles."""
    if ProviderSignIn.objects.filter(user=by, groups__contains=[group]).exists():
        raise Refused(
            f"You are in the group {group} yourself, and nobody changes their own roles or teams: ask "
            "another person who manages people."
        )


def _team(slug: str) -> Team:
    team = Team.objects.filter(slug=slug).first()
    if team is None:
        raise Refused(f"There is no team {slug[:80]!r}: choose one of the list.")
    return team


def _take_role(row: GroupMapping) -> int:
    """A few queries, whatever the size of the group."""
    rows = list(ProvidedRole.objects.filter(role=row.role, by=row.group).order_by("pk"))
    others = _others(GroupMapping.objects.filter(role=row.role))
    kept = _kept({one.user_id for one in rows}, others)
    for one in rows:
        one.by = kept.get(one.user_id, "")
    ProvidedRole.objects.bulk_update([one for one in rows if one.by], ["by"], batch_size=500)
    gone = [one for one in rows if not one.by]
    people = [one.user_id for one in gone]
    User.groups.through.objects.filter(group=row.role, user__in=people).delete()
    ProvidedRole.objects.filter(pk__in=[one.pk for one in gone]).delete()
    return len(gone)


def _take_team(row: GroupMapping) -> int:
    """The same of a team."""
    rows = list(ProvidedTeam.objects.filter(team=row.team, by=row.group).order_by("pk"))
    others = _others(GroupMapping.objects.filter(team=row.team))
    kept = _kept({one.user_id for one in rows}, others)
    for one in rows:
        one.by = kept.get(one.user_id, "")
    ProvidedTeam.objects.bulk_update([one for one in rows if one.by], ["by"], batch_size=500)
    gone = [one for one in rows if not one.by]
    people = [one.user_id for one in gone]
    TeamMembership.objects.filter(team=row.team, user__in=people).delete()
    ProvidedTeam.objects.filter(pk__in=[one.pk for one in gone]).delete()
    return len(gone)


def _others(mappings: "QuerySet[GroupMapping]") -> list[str]:
    return sorted(mappings.values_list("group", flat=True))


def _kept(people: set[int], others: list[str]) -> dict[int, str]:
    """Who has the same by another group, and by which: the first by name."""
    if not others:
        return {}
    found = ProviderSignIn.objects.filter(user__in=people, groups__overlap=others)
    return {last.user_id: next(name for name in others if name in last.groups) for last in found}
