"""What is asked at every request: is the session still good, and has it shown a second factor?"""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from inventory import web
from inventory.api import problems
from posture.actions.sign_in import break_glass, second_factor, sessions

# What somebody without a second factor can do: set one up, prove who they are for that, and leave.
OPEN_WITHOUT_FACTOR: Final = frozenset(
    {
        "mfa_index",
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "account_reauthenticate",
        "mfa_reauthenticate",
        "mfa_reauthenticate_webauthn",
        "account_login",
        "account_logout",
        "healthz",
    }
)
MISSING: Final = (
    "A second factor is required for people who sign in with a password, and you have set up none. "
    "Sign in on the page and add a passkey or an authenticator app."
)

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class SessionLife:
    """Ends sessions that are too old or were not used for too long."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.user.is_authenticated:
            now = timezone.now()
            if end := sessions.over(request.session, now=now):
                logout(request)
                messages.info(request, sessions.explained(end))
            elif sessions.seen(request.session, now=now):
                break_glass.still_used(request.session, now=now)
        return self._get_response(request)


class SignedIn(LoginRequiredMiddleware):
    """Leads to the sign-in, and from there back to a page that can be opened: whoever sent a form when
    their session had ended comes back to the form, not to the address that takes it."""

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponseRedirect:
        came_from = urlsplit(request.headers.get("Referer", ""))
        if request.method in ("GET", "HEAD") or came_from.netloc != request.get_host():
            return super().handle_no_permission(request, view_func)
        address = came_from._replace(scheme="", netloc="", fragment="").geturl()
        return redirect_to_login(
            address, self.get_login_url(view_func), self.get_redirect_field_name(view_func)
        )


class SecondFactor:
    """Leads local people without a second factor to set one up, and lets them do nothing else."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        match, user = request.resolver_match, request.user
        if not isinstance(user, User) or (match and match.view_name in OPEN_WITHOUT_FACTOR):
            return None
        return _lead(request) if second_factor.is_missing(request, user) else None


def _lead(request: HttpRequest) -> HttpResponse:
    """To the page that sets one up; a program gets a reason it can read."""
    address = reverse("mfa_index")
    if request.path.startswith("/api/"):
        return problems.response(
            request,
            403,
            detail=MISSING,
            title="A second factor is required",
            kind=problems.SECOND_FACTOR,
        )
    if web.is_fragment(request):
        # The whole page goes there, not a part of it.
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return redirect(address)
