"""Who may change people, what is refused, and what must stay true whatever is changed."""

from collections.abc import Iterable
from typing import Final

from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db.models import Q

from posture.models import Profile
from posture.policies import roles
from posture.policies import sign_in as policies

_BACKEND: Final = "posture.actions.sign_in.backend.Backend"


class Refused(ValueError):
    """Something that cannot be; the text is a sentence for people, with the remedy."""


def permit(by: User) -> None:
    """:raises PermissionDenied: when the person may not manage people."""
    if not by.has_perm(roles.MANAGE_PEOPLE):
        raise PermissionDenied(f"{by.get_username()} lacks {roles.MANAGE_PEOPLE}")


def locked(by: User, pk: int) -> User:
    """Somebody to change, held against everybody else until the transaction ends.

    Changes of people wait for each other: that somebody who manages people is left over can only be
    said of all of them at once.

    :raises PermissionDenied: when `by` may not manage people.
    :raises User.DoesNotExist: when there is no such user.
    :raises Refused: when it is `by`: nobody changes their own rights.
    """
    permit(by)
    list(Group.objects.filter(name__in=roles.ROLE_NAMES).order_by("pk").select_for_update())
    person = User.objects.select_for_update(of=("self",)).select_related("profile").get(pk=pk)
    if person.pk == by.pk:
        raise Refused(
            "Nobody changes their own roles, teams or OUs, or switches off their own account: "
            "ask another person who manages people."
        )
    return person


def keep_a_manager() -> None:
    """Call after a change, within its transaction.

    :raises Refused: when nobody who can sign in as a person would manage people any more.
    """
    if not managers_left():
        raise Refused(
            "This is the last person who manages people: give that right to somebody else first."
        )


def managers_left() -> bool:
    """Whether anybody manages people. Neither service accounts nor the break-glass account count."""
    rows = User.objects.with_perm(roles.MANAGE_PEOPLE, backend=_BACKEND)
    people = rows.filter(Q(profile=None) | Q(profile__kind=Profile.Kind.PERSON))
    return any(policies.refusal(row) is None for row in people.select_related("profile").distinct())


def groups_of(names: Iterable[str]) -> list[Group]:
    """The groups of these roles.

    :raises Refused: for a name that is no role.
    """
    wanted = set(names)
    if odd := sorted(wanted - set(roles.ROLE_NAMES)):
        raise Refused(f"There is no role {odd[0]!r}: choose among {', '.join(roles.ROLE_NAMES)}.")
    return list(Group.objects.filter(name__in=wanted).order_by("name"))
