"""Local accounts that are made on the server: the first administrator, and the break-glass account."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group, User
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from posture.actions.sign_in import attempts, records, sessions
from posture.models import Profile
from posture.policies import roles
from posture.policies import sign_in as policies

# Letters and digits that do not look alike; 8 groups of 5 are 199 bits.
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyzACDEFHJKLMNPQRTUVWXY34679"
_GROUPS: Final = 8
_GROUP_LENGTH: Final = 5


class BadAccount(Exception):
    """An account cannot be made or changed like this; the text names it and the remedy."""


def new_password() -> str:
    """A password to be printed once and kept in a safe, or changed after the first sign-in."""
    groups = (
        "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS)
    )
    return "-".join(groups)


@transaction.atomic
def create_local(
    username: str, *, name: str = "", email: str = "", role_names: Sequence[str], now: datetime
) -> str:
    """A person who signs in here with a password; returns it, once.

    :raises BadAccount: when the name is taken or malformed, or a role is not known.
    """
    groups = _groups(role_names)
    _check_name(username, email)
    if User.objects.filter(username__iexact=username).exists():
        raise BadAccount(f"There is a user {username} already. Take another name.")
    first, _, last = name.partition(" ")
    user = User(username=username, email=email.lower(), first_name=first, last_name=last)
    password = new_password()
    user.set_password(password)
    user.save()
    user.groups.set(groups)
    records.note("local_account_created", user, now=now, roles=sorted(role_names))
    return password


@transaction.atomic
def make_break_glass(username: str, *, role_names: Sequence[str], now: datetime) -> str:
    """Create the break-glass account, or give it a new password, which is returned, once.

    Whoever is signed in with it is signed out, and its lock-outs are forgotten.

    :raises BadAccount: when the name belongs to somebody, or a role is not known.
    """
    groups = _groups(role_names)
    _check_name(username, "")
    user = User.objects.filter(username__iexact=username).first()
    if user is None:
        user = User(username=username, first_name="Break-glass", last_name="account")
    elif not policies.is_break_glass(user):
        raise BadAccount(f"{username} is a person's account. Take a name that nobody has.")
    password = new_password()
    user.set_password(password)
    user.is_active = True
    user.save()
    user.groups.set(groups)
    Profile.objects.update_or_create(
        user=user, defaults={"kind": Profile.Kind.BREAK_GLASS, "is_demo": False}
    )
    sessions.end_all(user)
    attempts.unlock(username)
    records.note("break_glass_password", user, now=now, roles=sorted(role_names))
    return password


@transaction.atomic
def switch_off_break_glass(username: str, *, now: datetime) -> None:
    """The account stays for the record, and nobody can sign in with it.

    :raises BadAccount: when there is no such account.
    """
    user = User.objects.filter(username__iexact=username).first()
    if user is None or not policies.is_break_glass(user):
        raise BadAccount(f"There is no break-glass account {username}.")
    user.is_active = False
    user.set_unusable_password()
    user.save()
    sessions.end_all(user)
    records.note("break_glass_off", user, now=now)


@transaction.atomic
def reset_second_factor(user: User, *, by: User | None = None, now: datetime) -> int:
    """Take away every authenticator of somebody who lost theirs; returns how many there were.

    They are signed out everywhere, and are led to set up a new one at the next sign-in.
    """
    count: int
    count, _ = Authenticator.objects.filter(user=user).delete()
    sessions.end_all(user)
    records.note("second_factor_reset", user, by=by, now=now, authenticators=count)
    return count


def _groups(role_names: Sequence[str]) -> list[Group]:
    unknown = sorted(set(role_names) - set(roles.ROLE_NAMES))
    if unknown:
        raise BadAccount(
            f"There is no role {unknown[0]!r}. The roles are: {', '.join(roles.ROLE_NAMES)}."
        )
    return list(Group.objects.filter(name__in=role_names))


def _check_name(username: str, email: str) -> None:
    try:
        UnicodeUsernameValidator()(username)
        if email:
            validate_email(email)
    except ValidationError as error:
        raise BadAccount(" ".join(error.messages)) from error
