"""Accounts switched off and on again, and accounts for programs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.contrib.auth.models import User
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import transaction

from posture.actions import tokens
from posture.actions.people.refusals import Refused, groups_of, keep_a_manager, locked, permit
from posture.actions.sign_in import sessions
from posture.models import Profile

_PURPOSE: Final = 200
_NAME: Final = 150


@dataclass(frozen=True, slots=True)
class Ended:
    """How many sessions and tokens ended with the account."""

    sessions: int
    tokens: int


@transaction.atomic
def deactivate(by: User, pk: int, *, now: datetime) -> Ended:
    """Switch an account off: it signs in no more, its sessions end, and its tokens are revoked.

    Roles, teams and OUs stay for the day on which it is switched on again; tokens do not come back.

    :raises PermissionDenied: when `by` may not manage people.
    :raises User.DoesNotExist: when there is no such user.
    :raises Refused: for oneself, and the last person who manages people.
    """
    person = locked(by, pk)
    person.is_active = False
    person.save(update_fields=["is_active"])
    keep_a_manager()
    return Ended(sessions.end_all(person), tokens.revoke_all(person, by=by.get_username(), now=now))


@transaction.atomic
def reactivate(by: User, pk: int, *, now: datetime) -> None:
    """Switch an account on again, with the roles, teams and OUs that it has.

    :raises Refused: for oneself.
    """
    person = locked(by, pk)
    person.is_active = True
    person.save(update_fields=["is_active"])


@transaction.atomic
def create_service(
    by: User, *, username: str, purpose: str, role_names: Iterable[str], now: datetime
) -> User:
    """Make an account for a program: no password, no page, only tokens, which it does not have yet.

    :raises PermissionDenied: when `by` may not manage people.
    :raises Refused: for a name that is taken or malformed, a purpose that is empty or long, and a name
        that is no role.
    """
    permit(by)
    name, why = username.strip(), purpose.strip()
    _check_name(name)
    if not why:
        raise Refused("The purpose is empty: say what the account is for, and whom to ask.")
    if len(why) > _PURPOSE:
        raise Refused(f"The purpose has {len(why)} characters: use {_PURPOSE} at most.")
    groups = groups_of(role_names)
    user = User(username=name)
    user.set_unusable_password()
    user.save()
    Profile.objects.create(user=user, kind=Profile.Kind.SERVICE, purpose=why)
    user.groups.set(groups)
    return user


def _check_name(name: str) -> None:
    if not name or len(name) > _NAME:
        raise Refused(f"The name should have 1 to {_NAME} characters.")
    try:
        UnicodeUsernameValidator()(name)
    except ValidationError as error:
        raise Refused("The name should have letters, digits and @ . + - _ only.") from error
    if User.objects.filter(username__iexact=name).exists():
        raise Refused(f"There is a user {name} already: take another name.")
