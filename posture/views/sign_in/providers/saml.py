"""SAML: leave with a request, come back with a signed answer to it."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from allauth.account.utils import get_next_redirect_url
from allauth.core import ratelimit
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.helpers import complete_social_login
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.saml.provider import SAMLProvider
from allauth.socialaccount.sessions import LoginSession
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from posture.actions.sign_in.providers import SUBJECT_LONGEST, Said
from posture.policies.groups import groups_of
from posture.views.sign_in.providers import assertions
from posture.views.sign_in.providers.adapter import completed, failed
from posture.views.sign_in.providers.assertions import Answer, BadAnswer

PROVIDER: Final = "saml"
# An answer waits here for the browser to come back with its own cookies.
_COOKIE: Final = "saml-answer"
# python3-saml takes clocks to be off by so much.
_DRIFT: Final = timedelta(minutes=6)
# The names under which providers send the same thing: plain, by OID, by Microsoft's addresses.
_CLAIMS: Final = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_USERNAME: Final = ("username", "uid", "urn:oid:0.9.2342.19200300.100.1.1", f"{_CLAIMS}name")
_EMAIL: Final = (
    "email",
    "mail",
    "urn:oid:0.9.2342.19200300.100.1.3",
    f"{_CLAIMS}emailaddress",
)
_FIRST_NAME: Final = ("firstName", "givenName", "urn:oid:2.5.4.42", f"{_CLAIMS}givenname")
_LAST_NAME: Final = ("lastName", "sn", "urn:oid:2.5.4.4", f"{_CLAIMS}surname")


@require_GET
@login_not_required
@never_cache
def start(request: HttpRequest) -> HttpResponse:
    """Leave for the provider. Where to go afterwards stays here: RelayState carries nothing."""
    if refused := _too_often(request):
        return refused
    provider = _provider(request)
    address, request_id = assertions.question(provider.app)
    provider.stash_redirect_state(
        request, AuthProcess.LOGIN, get_next_redirect_url(request), state_id=request_id
    )
    return redirect(address)


@require_POST
@csrf_exempt
@login_not_required
@never_cache
def receive(request: HttpRequest) -> HttpResponse:
    """The provider's form posts here, from another site and so without our session.

    A good answer is kept for the next request, which brings the session; nothing else is.
    """
    if refused := _too_often(request):
        return refused
    provider = _provider(request)
    text = request.POST.get("SAMLResponse", "")
    try:
        assertions.read(provider.app, text)
    except BadAnswer as e:
        return failed(request, provider, str(e))
    response = redirect("saml_finish")
    kept = LoginSession(request, "saml_answer", _COOKIE)
    kept.store["text"] = text
    kept.store.set_expiry(300)
    kept.save(response)
    response.cookies[_COOKIE]["httponly"] = True
    return response


@require_GET
@login_not_required
@never_cache
def finish(request: HttpRequest) -> HttpResponse:
    """Sign the person in whose answer it is, if this browser asked for it, and once."""
    provider = _provider(request)
    kept = LoginSession(request, "saml_answer", _COOKIE)
    text = kept.store.get("text", "")
    kept.delete()
    try:
        answer = assertions.read(provider.app, text)
        said = _said(provider.app, answer)
        state = provider.unstash_redirect_state(request, answer.request_id)
    except BadAnswer as e:
        return failed(request, provider, str(e))
    except PermissionDenied:
        return failed(request, provider, "this browser did not ask for the answer, or long ago")
    if not _is_first(answer, now=timezone.now()):
        return failed(request, provider, f"the assertion {answer.assertion_id} was used before")
    response: HttpResponse = complete_social_login(request, completed(provider, said, state))
    return response


@require_GET
@login_not_required
def metadata(request: HttpRequest) -> HttpResponse:
    """What the administrators of the provider load into it."""
    text = assertions.metadata(_provider(request).app)
    return HttpResponse(text, content_type="application/samlmetadata+xml")


def _provider(request: HttpRequest) -> SAMLProvider:
    try:
        app = get_adapter(request).get_app(request, provider=PROVIDER)
    except SocialApp.DoesNotExist as e:
        raise Http404("SAML is not configured") from e
    return SAMLProvider(request, app=app)


def _too_often(request: HttpRequest) -> HttpResponse | None:
    refused: HttpResponse | None = ratelimit.consume_or_429(
        request, action="provider_sign_in", limit_get=True
    )
    return refused


def _is_first(answer: Answer, *, now: datetime) -> bool:
    """Whether the assertion comes for the first time; remembered until it is good for nothing."""
    digest = hashlib.sha256(answer.assertion_id.encode()).hexdigest()
    seconds = max(60.0, (answer.until + _DRIFT - now).total_seconds())
    return cache.add(f"saml-assertion:{digest}", 1, timeout=int(seconds))


def _said(app: SocialApp, answer: Answer) -> Said:
    """:raises BadAnswer: for an answer that names nobody, or by a name that changes."""
    named = app.settings["subject"]
    if not named and answer.is_transient:
        raise BadAnswer(
            "the NameID is transient, another one each time: ask the provider for a persistent one, or "
            "set POSTURE_SAML_SUBJECT_ATTRIBUTE"
        )
    subject = _first(answer, (named,)) if named else answer.name_id
    if not 0 < len(subject) <= SUBJECT_LONGEST:
        raise BadAnswer(f"the subject has {len(subject)} characters")
    return Said(
        provider=PROVIDER,
        subject=subject,
        groups=groups_of(answer.attributes.get(app.settings["groups"])),
        username=_first(answer, _USERNAME),
        first_name=_first(answer, _FIRST_NAME),
        last_name=_first(answer, _LAST_NAME),
        email=_first(answer, _EMAIL),
    )


def _first(answer: Answer, names: Sequence[str]) -> str:
    found = (value for name in names for value in answer.attributes.get(name, [])[:1])
    return next(found, "")
