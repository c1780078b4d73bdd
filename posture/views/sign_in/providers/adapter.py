"""Where allauth asks the house about people who come from a provider."""

import logging
import re
from typing import Any, NoReturn

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal import ratelimit
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthError, Provider
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from posture.actions import audit
from posture.actions.sign_in import providers
from posture.actions.sign_in.providers import Said
from posture.policies.groups import Unmapped

logger = logging.getLogger(__name__)

# Of the groups that a refused person is told; whoever helps needs one of them.
_SHOWN = 20


class ProviderAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    def list_apps(self, request: HttpRequest, **names: Any) -> list[SocialApp]:
        """From the settings alone: a row in a table must not open a door."""
        return [app for app in super().list_apps(request, **names) if app.pk is None]

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Accounts are made below, or not at all; never by a form."""
        return False

    def authenticate_by_email(self, sociallogin: SocialLogin) -> tuple[User, str] | None:
        """Nobody is somebody by an address."""
        return None

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        said: Said = sociallogin.said
        admitted = providers.admit(said, now=timezone.now())
        if admitted.user is None:
            assert admitted.why is not None
            raise ImmediateHttpResponse(_refused(request, sociallogin, admitted.why))
        sociallogin.user = admitted.user
        sociallogin.account = SocialAccount.objects.get(provider=said.provider, uid=said.subject)

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Provider,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> NoReturn:
        is_cancelled = error == AuthError.CANCELLED
        why = "cancelled" if is_cancelled else _reason(exception)
        raise ImmediateHttpResponse(failed(request, provider, why, is_cancelled=is_cancelled))


def completed(provider: Provider, said: Said, state: dict[str, Any]) -> SocialLogin:
    """What allauth goes on with. Of what the provider said nothing but the subject is kept."""
    login = SocialLogin(
        provider=provider,
        account=SocialAccount(provider=said.provider, uid=said.subject, extra_data={}),
    )
    login.said = said
    login.state = state
    return login


def failed(
    request: HttpRequest, provider: Provider, why: str, *, is_cancelled: bool = False
) -> HttpResponse:
    """Back to the sign-in page. Why, the log tells: the person can do nothing about it.

    Anybody can come here as often as they like: the audit log gets the first few of an address.
    """
    logger.warning("sign-in by %s failed: %s", provider.sub_id, why[:500])
    counted = {"app": "allauth.account", "action": "provider_sign_in_failed", "limit_get": True}
    if ratelimit.consume(request, **counted):
        details = {"provider": provider.sub_id, "why": why[:200]}
        audit.record("sign_in_failed", actor=None, subject="", details=details, now=timezone.now())
    messages.error(
        request,
        f"You are not signed in: you stopped at {provider.name}, or it does not let you in here."
        if is_cancelled
        else f"You are not signed in: the answer of {provider.name} was not good, or came too late. "
        "Try once more; if that does not help, tell an administrator the time.",
    )
    return redirect("account_login")


def _reason(exception: Exception | None) -> str:
    """For the log. What a token endpoint sent may hold tokens: of that the error's name alone."""
    text = str(exception or "no such state")
    if not text.startswith("Error retrieving access token"):
        return text
    named = re.search(r'"error"\s*:\s*"([\w .-]{1,80})"', text)
    return f"the provider gave no access token: {named[1] if named else 'it does not say why'}"


def _refused(request: HttpRequest, sociallogin: SocialLogin, why: Unmapped) -> HttpResponse:
    said: Said = sociallogin.said
    values = {
        "why": why,
        "provider": sociallogin.provider.name,
        "groups": (said.groups or ())[:_SHOWN],
        "more": max(0, len(said.groups or ()) - _SHOWN),
        "help": settings.POSTURE_SIGN_IN_HELP,
    }
    return render(request, "socialaccount/refused.html", values, status=403)
