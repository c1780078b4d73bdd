"""The required second factor: which sessions have shown one, and keeping at least one."""

from typing import Final

from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.http import HttpRequest

from posture.actions.sign_in import sessions
from posture.policies import sign_in as policies

# Recovery codes stand in for a factor; alone they are none.
FACTORS: Final = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def is_missing(request: HttpRequest, user: User) -> bool:
    """Whether the session may do nothing yet but set up a second factor.

    The session itself has to have shown one (or set one up): that the person has one says nothing of
    a session that somebody began with a stolen password before. Who came by the identity provider
    has been asked there.
    """
    if not policies.needs_second_factor(user):
        return False
    methods = {record.get("method") for record in get_authentication_records(request, user)}
    return not methods & {"mfa", "socialaccount"}


def was_added(request: HttpRequest, user: User, authenticator: Authenticator) -> None:
    """A factor was set up in this session: it counts here, and every other session has to sign in."""
    if authenticator.type not in FACTORS:
        return
    record_authentication(
        request, user, "mfa", id=authenticator.pk, type=authenticator.type, is_new=True
    )
    sessions.end_all(user, but=request.session.session_key)


def may_remove(authenticator: Authenticator) -> bool:
    """The last factor stays where one is required; a new one can be added first."""
    user = authenticator.user
    if authenticator.type not in FACTORS or not policies.needs_second_factor(user):
        return True
    others = Authenticator.objects.filter(user=user, type__in=FACTORS).exclude(pk=authenticator.pk)
    return bool(others.exists())
