"""People in the process: whom a comment can mention, and who can stand in for an approver."""

from dataclasses import dataclass
from typing import Final

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from invariants.models import ExceptionRequest
from invariants.policies.exceptions import tiers
from invariants.queries.exceptions.owners import holders_of_all, name_of
from invariants.queries.exceptions.waiting import holders
from inventory import access
from inventory.access import AnyUser
from inventory.models import TeamMembership

_SHOWN: Final = 8
_LOOKED_AT: Final = 40


@dataclass(frozen=True, slots=True)
class Person:
    username: str
    name: str


def to_mention(user: AnyUser, request: ExceptionRequest, words: str) -> tuple[Person, ...]:
    """People who may see the request, by the beginning of a name. Who does not see the whole
    organisation is told of their own teams, and of who has a part on the record or said something on
    it; whoever else sees it can be mentioned by their user name all the same."""
    if not isinstance(user, User):
        return ()
    found = _named(words).exclude(pk=user.pk)
    if not access.scope_of(user).everything:
        found = found.filter(pk__in=_known_to(user, request))
    people = list(found.order_by("last_name", "username")[:_LOOKED_AT])
    everywhere = holders_of_all([person.pk for person in people])
    one = ExceptionRequest.objects.filter(pk=request.pk)
    seeing = (
        person for person in people if person.pk in everywhere or one.visible_to(person).exists()
    )
    shown = [person for person, _ in zip(seeing, range(_SHOWN), strict=False)]
    return tuple(Person(person.get_username(), name_of(person)) for person in shown)


def _named(words: str) -> "QuerySet[User]":
    text = words.strip().removeprefix("@")
    begins = Q(username__istartswith=text) | Q(first_name__istartswith=text)
    begins |= Q(last_name__istartswith=text)
    return User.objects.filter(begins, is_active=True)


def _known_to(user: AnyUser, request: ExceptionRequest) -> set[int]:
    teams = access.scope_of(user).team_ids
    mates = TeamMembership.objects.filter(team_id__in=teams).values_list("user_id", flat=True)
    parts = request.parts.values_list("person_id", flat=True)
    said = request.comments.values_list("person_id", flat=True)
    return {request.requester_id, *mates, *parts, *said}


def delegates(user: User) -> tuple[tuple[int, str], ...]:
    """Who could stand in for this person: active people who have a right of the process themselves,
    or see the whole organisation, by name."""
    able = Q(pk__in=holders("inventory.see_whole_organization"))
    for right in sorted(tiers.DELEGABLE | {tiers.ASSESS}):
        able |= Q(pk__in=holders(right))
    people = User.objects.filter(able, is_active=True).exclude(pk=user.pk)
    scope = access.scope_of(user)
    if not scope.everything:
        # Nobody is told who else there is: their own teams, and who decides on exceptions of everybody.
        mates = TeamMembership.objects.filter(team_id__in=scope.team_ids).values("user_id")
        deciding = Q(pk__in=holders(tiers.APPROVE)) | Q(pk__in=holders(tiers.APPROVE_HIGH))
        everywhere = Q(pk__in=holders("inventory.see_whole_organization"))
        people = people.filter(Q(pk__in=mates) | (deciding & everywhere))
    return tuple((one.pk, name_of(one)) for one in people.order_by("last_name", "username"))
