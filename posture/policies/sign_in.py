"""Who may sign in, by which way, and who needs a second factor."""

from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User

from posture.models import Profile

AnyUser = User | AnonymousUser

# AWS's own names for its endpoints, in all of its partitions.
_AWS: Final = ("amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "api.aws", "on.aws")


class Refusal(StrEnum):
    """Why a user may not sign in; the value is what the person reads."""

    INACTIVE = "Your account is switched off. Ask an administrator."
    SERVICE = "A service account signs in by its token only."
    DEMO = "Demo users exist only in the demo."
    ELSEWHERE = "You sign in through your organisation's identity provider."
    LOCAL_OFF = "Signing in with a password or passkey is switched off here."


def kind_of(user: User) -> str:
    """A user without a profile is a person. One query unless the profile is loaded."""
    profile = getattr(user, "profile", None)
    return profile.kind if profile else Profile.Kind.PERSON


def is_break_glass(user: User) -> bool:
    return kind_of(user) == Profile.Kind.BREAK_GLASS


def is_demo_user(user: User) -> bool:
    profile = getattr(user, "profile", None)
    return bool(profile and profile.is_demo)


def is_demo_on() -> bool:
    """Demo users have a printed password: they live beside the invented organisation alone."""
    return bool(settings.POSTURE_DEMO and is_sandbox())


def is_sandbox() -> bool:
    """Whether something else answers in AWS's place."""
    host = (urlsplit(settings.AWS_ENDPOINT_URL).hostname or "").lower()
    return bool(host) and not any(host == name or host.endswith(f".{name}") for name in _AWS)


def is_local(user: AnyUser) -> bool:
    """Whether Parapet itself keeps what the person signs in with; else an identity provider does."""
    return not isinstance(user, AnonymousUser) and user.has_usable_password()


def refusal(user: User) -> Refusal | None:
    """Why the user may not be signed in at all, whichever way; None when they may."""
    if not user.is_active:
        return Refusal.INACTIVE
    if kind_of(user) == Profile.Kind.SERVICE:
        return Refusal.SERVICE
    if is_demo_user(user) and not is_demo_on():
        return Refusal.DEMO
    return None


def local_refusal(user: User) -> Refusal | None:
    """Why the user may not sign in by password or passkey; None when they may."""
    if why := refusal(user):
        return why
    if not is_local(user):
        # A passkey must not outlive the account at the identity provider.
        return Refusal.ELSEWHERE
    if not settings.POSTURE_LOCAL_SIGN_IN and not is_break_glass(user):
        return Refusal.LOCAL_OFF
    return None


def needs_second_factor(user: User) -> bool:
    """Whether the person has to have one when they sign in locally.

    The break-glass account is for the worst day: its long password is enough, unless a factor was set
    up before, and its use is announced. Only the demo can do without.
    """
    if not settings.POSTURE_LOCAL_SECOND_FACTOR and is_demo_on():
        return False
    return is_local(user) and not is_break_glass(user)


def may_reset_password(user: User) -> bool:
    """By mail; the break-glass password is made anew on the server, the demo's is printed."""
    return local_refusal(user) is None and not is_break_glass(user) and not is_demo_user(user)
