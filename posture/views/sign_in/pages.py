"""Pages that allauth has not, or not as they are wanted here."""

import math
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from allauth.core import ratelimit
from allauth.mfa.base.views import IndexView
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from posture import tasks, web
from posture.actions.sign_in import attempts, notices, records, second_factor
from posture.actions.sign_in import sessions as actions
from posture.forms.sign_in import ForgottenForm
from posture.policies import sign_in as policies

View = Callable[..., HttpResponseBase]


class Security(IndexView):  # type: ignore[misc]
    """What a person signs in with; the only page of somebody who still lacks a second factor."""

    def get_template_names(self) -> list[str]:
        is_missing = second_factor.is_missing(self.request, self.request.user)
        return ["mfa/required.html" if is_missing else "mfa/index.html"]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        values: dict[str, Any] = super().get_context_data(**kwargs)
        return values | {
            "is_local": policies.is_local(user),
            "is_required": policies.needs_second_factor(user),
            "is_break_glass": policies.is_break_glass(user),
        }


def local_only(view: View) -> View:
    """Who comes by an identity provider has no password, passkey or code here."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated and not policies.is_local(request.user):
            messages.info(request, "Your organisation's identity provider looks after that.")
            return redirect("mfa_index")
        return view(request, *args, **kwargs)

    return wrapped


def keep_one(view: View) -> View:
    """The last passkey stays where a second factor is required."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, pk: int, **kwargs: Any) -> HttpResponseBase:
        if isinstance(request.user, User):
            row = get_object_or_404(Authenticator, pk=pk, user=request.user)
            if not second_factor.may_remove(row):
                messages.error(
                    request,
                    "This is your only second factor. Add another one first, then remove it.",
                )
                return redirect("mfa_index")
        return view(request, *args, pk=pk, **kwargs)

    return wrapped


def passkeys(request: HttpRequest) -> HttpResponse:
    """allauth comes back here when a passkey has been renamed or removed; they stand on one page."""
    return redirect("mfa_index")


@require_http_methods(["GET", "POST"])
@login_not_required
@never_cache
def forgotten(request: HttpRequest) -> HttpResponseBase:
    """A new password by mail. The answer is the same whether the address is anybody's or not."""
    form = ForgottenForm(request.POST or None)
    can_mail = notices.is_mail_set()
    if request.method == "POST" and can_mail and form.is_valid():
        email = form.cleaned_data["email"].lower()
        if refused := ratelimit.consume_or_429(request, action="reset_password", key=email):
            return _response(refused)
        for pk in notices.request_password_reset(email, now=timezone.now()):
            tasks.mail_notice.delay_on_commit(notice_id=pk)  # type: ignore[attr-defined]
        return redirect("account_reset_password_done")
    status = 422 if form.is_bound and can_mail else 200
    values = {"form": form, "can_mail": can_mail}
    return render(request, "account/password_reset.html", values, status=status)


@require_GET
def sessions(request: HttpRequest) -> TemplateResponse:
    """Where the person is signed in."""
    user = _person(request)
    key = request.session.session_key
    rows = [
        {"row": row, "is_this": row.session_key == key, "browser": browser_of(row.user_agent)}
        for row in actions.of(user)
    ]
    return TemplateResponse(request, "usersessions/sessions.html", {"rows": rows})


@require_POST
def session_end(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign one of the person's own sessions out, at once."""
    user = _person(request)
    if not actions.end_one(user, pk):
        raise Http404
    records.note("session_revoked", user, by=user, now=timezone.now(), session=pk)
    messages.success(request, "That session is signed out.")
    return redirect("posture:sessions")


@require_POST
def sessions_end(request: HttpRequest) -> HttpResponse:
    """Sign the person out everywhere else."""
    user = _person(request)
    count = actions.end_all(user, but=request.session.session_key)
    records.note("session_revoked", user, by=user, now=timezone.now(), sessions=count)
    plural = "session is" if count == 1 else "sessions are"
    messages.success(request, f"{count} other {plural} signed out.")
    return redirect("posture:sessions")


def locked_out(
    request: HttpRequest, response: HttpResponseBase, credentials: Mapping[str, Any] | None
) -> HttpResponse:
    """What axes answers instead of the sign-in page, whether the name is anybody's or not."""
    now, name = timezone.now(), attempts.username(request, credentials)
    if getattr(request, "axes_failures_since_start", None) is not None:
        # Only the attempt that locks; those that follow find it locked.
        records.note("lock_out", name or "", now=now, address=web.client_address(request))
    left = attempts.locked_for(request, name, now=now)
    values = {"minutes": max(1, math.ceil(left.total_seconds() / 60))}
    return render(request, "account/locked_out.html", values, status=429)


def browser_of(agent: str) -> str:
    """What people call the program of a User-Agent header; the header itself where that is unknown."""
    systems = (
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    )
    browsers = (("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"))
    system = next((name for mark, name in systems if mark in agent), "")
    browser = next((name for mark, name in browsers if mark in agent), "")
    return f"{browser} on {system}" if browser and system else agent[:80] or "unknown program"


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def _response(response: object) -> HttpResponse:
    assert isinstance(response, HttpResponse)
    return response
