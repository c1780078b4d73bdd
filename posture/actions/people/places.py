"""What people see: their teams, and the OUs granted to them."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from inventory.models import OrganizationalUnit, OuAccess, Team, TeamMembership
from posture.actions.people.refusals import Refused, locked
from posture.models import ProvidedTeam


@transaction.atomic
def join_team(by: User, pk: int, *, slug: str, now: datetime) -> bool:
    """Put somebody into a team; False when they are in it already.

    :raises PermissionDenied: when `by` may not manage people.
    :raises User.DoesNotExist: when there is no such user.
    :raises Refused: for oneself, and for a slug that is no team.
    """
    person = locked(by, pk)
    team = Team.objects.filter(slug=slug).first()
    if team is None:
        raise Refused(f"There is no team {slug[:80]!r}: choose one of the list.")
    return TeamMembership.objects.get_or_create(user=person, team=team)[1]


@transaction.atomic
def leave_team(by: User, pk: int, *, slug: str, now: datetime) -> bool:
    """Take somebody out of a team; False when they are not in it.

    :raises Refused: also for a team that the identity provider gives.
    """
    person = locked(by, pk)
    provided = ProvidedTeam.objects.filter(user=person, team__slug=slug).first()
    if provided is not None:
        raise Refused(
            f"The team {slug} comes from the group {provided.by} of the identity provider: "
            "take the person out of that group there."
        )
    count, _ = TeamMembership.objects.filter(user=person, team__slug=slug).delete()
    return bool(count)


@transaction.atomic
def grant_ou(by: User, pk: int, *, ou_id: str, now: datetime) -> bool:
    """Let somebody see an OU and everything below it; False when they may already.

    :raises Refused: for oneself, and for an id that is no OU.
    """
    person = locked(by, pk)
    ou = OrganizationalUnit.objects.live().filter(ou_id=ou_id).order_by("pk").first()
    if ou is None:
        raise Refused(f"There is no OU {ou_id[:68]!r}: choose one of the list.")
    return OuAccess.objects.get_or_create(user=person, ou=ou)[1]


@transaction.atomic
def withdraw_ou(by: User, pk: int, *, ou_id: str, now: datetime) -> bool:
    """Take the sight of an OU away; False when there is nothing to take."""
    person = locked(by, pk)
    count, _ = OuAccess.objects.filter(user=person, ou__ou_id=ou_id).delete()
    return bool(count)
