"""People whom an identity provider signs in: who they are here, and what its groups give them."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Final

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from posture.actions import audit
from posture.actions.people.roles import provide
from posture.actions.sign_in import records, sessions
from posture.models import GroupMapping, Profile, ProviderSignIn, SeenGroup
from posture.policies import groups as groups_policies
from posture.policies import roles
from posture.policies import sign_in as policies
from posture.policies.groups import Given, Unmapped

# Groups that nobody came with for so long are forgotten.
SEEN_FOR: Final = timedelta(days=90)
# Of one sign-in.
_SEEN_MOST: Final = 200
# In an entry of the audit log.
_RECORDED: Final = 20
# As allauth keeps it.
SUBJECT_LONGEST: Final = 191
_NAME: Final = 150


@dataclass(frozen=True, slots=True)
class Said:
    """What a provider says of somebody who signs in, proved by then.

    Only `subject` says who it is: it is never another's, and never changes. The rest is for people.
    `groups` is None when it said nothing about groups.
    """

    provider: str
    subject: str
    groups: tuple[str, ...] | None
    username: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Admitted:
    """`user` is None for somebody who is refused, with the reason in `why`."""

    user: User | None
    why: Unmapped | None = None


class BadLink(Exception):
    """Somebody cannot be linked to a provider like this; the text names it and the remedy."""


@transaction.atomic
def admit(said: Said, *, now: datetime) -> Admitted:
    """Give the person exactly what their groups give now; at the first time, an account.

    People are known by provider and subject alone: an address or a user name that somebody else has
    here opens nothing. Who is in no mapped group is refused, unless the installation allows it: what
    the provider gave before is taken, sessions end, and tokens stop.
    """
    _note_seen(said.groups or (), now=now)
    user = _user_of(said)
    if user is not None and policies.refusal(user):
        # Switched off here: whoever asks next is told so, and nothing is given.
        return Admitted(user)
    mappings = GroupMapping.objects.select_related("role", "team")
    given = groups_policies.given(mappings, said.groups or ())
    if not given and settings.POSTURE_PROVIDER_WITHOUT_GROUP == "refuse":
        why = groups_policies.unmapped(said.groups)
        _refuse(said, user, why, now=now)
        return Admitted(None, why)
    user = user or _make(said, now=now)
    _describe(user, said)
    _provide(user, given, said, now=now)
    ProviderSignIn.objects.update_or_create(
        user=user,
        defaults={
            "provider": said.provider,
            "groups": list(said.groups or ()),
            "signed_in_at": now,
            "refused_at": None,
        },
    )
    return Admitted(user)


@transaction.atomic
def link(user: User, *, provider: str, subject: str, now: datetime) -> None:
    """Let the provider sign in somebody who had a local account before; its password is gone then.

    :raises BadLink: when either is taken, or the account is no person's.
    """
    if policies.kind_of(user) != Profile.Kind.PERSON or policies.is_demo_user(user):
        raise BadLink(f"{user.get_username()} is no person's account: name a person's.")
    if not subject or len(subject) > SUBJECT_LONGEST:
        raise BadLink(f"The subject should have 1 to {SUBJECT_LONGEST} characters.")
    taken = SocialAccount.objects.filter(provider=provider, uid=subject).first()
    if taken is not None:
        name = taken.user.get_username()
        raise BadLink(f"That subject is {name} here: switch that account off, or name another.")
    if SocialAccount.objects.filter(user=user, provider=provider).exists():
        raise BadLink(f"{user.get_username()} is linked to {provider} already.")
    SocialAccount.objects.create(user=user, provider=provider, uid=subject)
    ProviderSignIn.objects.get_or_create(user=user, defaults={"provider": provider})
    user.set_unusable_password()
    user.save(update_fields=["password"])
    Authenticator.objects.filter(user=user).delete()
    sessions.end_all(user)
    records.note("sign_in_linked", user, now=now, provider=provider)


def _user_of(said: Said) -> User | None:
    rows = SocialAccount.objects.select_related("user__profile")
    row = rows.filter(provider=said.provider, uid=said.subject).first()
    if row is None:
        return None
    user = row.user
    assert isinstance(user, User)
    return user


def _make(said: Said, *, now: datetime) -> User:
    # One at a time: two first sign-ins of one person at once make one account.
    list(Group.objects.filter(name__in=roles.ROLE_NAMES).order_by("pk").select_for_update())
    if user := _user_of(said):
        return user
    user = User(username=_free_name(said))
    user.set_unusable_password()
    user.save()
    SocialAccount.objects.create(user=user, provider=said.provider, uid=said.subject)
    records.note("account_provided", user, now=now, provider=said.provider)
    return user


def _free_name(said: Said) -> str:
    """A user name that nobody has: what the provider calls the person, else made from the subject."""
    digest = hashlib.sha256(said.subject.encode()).hexdigest()[:12]
    words = (_name_from(text) for text in (said.username, said.email))
    base = next((word for word in words if word), f"{said.provider}-{digest}")
    for number in count(1):
        name = base if number == 1 else f"{base[: _NAME - 8]}-{number}"
        if not User.objects.filter(username__iexact=name).exists():
            return name
    raise AssertionError


def _name_from(text: str) -> str:
    """The letters, digits and @ . + - _ of a text, as user names have them."""
    plain = unicodedata.normalize("NFKC", text)
    return re.sub(r"[^\w.@+-]+", "-", plain).strip("-")[:_NAME]


def _describe(user: User, said: Said) -> None:
    """Names and address follow the provider; the user name stays, for the records are kept by it."""
    printable = groups_policies.printable
    user.first_name = printable(said.first_name, longest=_NAME)
    user.last_name = printable(said.last_name, longest=_NAME)
    user.email = _address(said.email)
    user.save(update_fields=["first_name", "last_name", "email"])


def _address(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError:
        return ""
    return text.lower() if len(text) <= 254 else ""


def _provide(user: User, given: Given, said: Said, *, now: datetime) -> None:
    changed = provide(user, roles=given.roles, teams=given.teams, now=now)
    if changed:
        records.note(
            "roles_provided",
            user,
            now=now,
            provider=said.provider,
            given=list(changed.given),
            taken=list(changed.taken),
        )


def _refuse(said: Said, user: User | None, why: Unmapped, *, now: datetime) -> None:
    if user is not None:
        _provide(user, Given({}, {}), said, now=now)
        sessions.end_all(user)
        ProviderSignIn.objects.update_or_create(
            user=user,
            defaults={
                "provider": said.provider,
                "groups": list(said.groups or ()),
                "refused_at": now,
            },
        )
    audit.record(
        "sign_in_refused",
        actor=user,
        subject=user.get_username() if user else f"{said.provider}:{said.subject}",
        details={
            "why": why.name,
            "provider": said.provider,
            "groups": list((said.groups or ())[:_RECORDED]),
        },
        now=now,
    )


def _note_seen(names: tuple[str, ...], *, now: datetime) -> None:
    """So that the page of groups can offer what the provider really sends."""
    SeenGroup.objects.filter(last_seen_at__lt=now - SEEN_FOR).delete()
    SeenGroup.objects.bulk_create(
        [SeenGroup(name=name, last_seen_at=now) for name in names[:_SEEN_MOST]],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["last_seen_at"],
    )
