"""API tokens: one's own, those of service accounts, and everybody's."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from inventory import web
from posture.actions import tokens as actions
from posture.forms.people import TokenForm
from posture.models import ApiToken
from posture.policies import roles
from posture.policies import tokens as policies
from posture.queries import tokens as queries
from posture.views.people.pages import MANAGE, person_context


@require_http_methods(["GET", "POST"])
@never_cache
def token_list(request: HttpRequest) -> TemplateResponse:
    """One's own tokens, or with `?of=all` everybody's; posting makes one of one's own."""
    owner = _person(request)
    form = TokenForm(request.POST if request.method == "POST" else None, owner=owner)
    made = _make(request, form, owner) if form.is_bound else None
    context = _list(request, owner) | {"form": form if made is None else TokenForm(owner=owner)}
    status = 422 if form.is_bound and made is None else 200
    context |= {"made": made, "may_own": policies.may_own(owner)}
    return TemplateResponse(request, "posture/token_list.html", context, status=status)


@require_POST
@MANAGE
@never_cache
def person_tokens(request: HttpRequest, pk: int) -> TemplateResponse:
    """Makes a token of a service account."""
    owner = get_object_or_404(User.objects.select_related("profile"), pk=pk)
    form = TokenForm(request.POST, owner=owner)
    made = _make(request, form, owner)
    context = person_context(request, pk, form=None if made else form) | {"made": made}
    status = 200 if made else 422
    return TemplateResponse(request, "posture/person_detail.html", context, status=status)


@require_POST
def token_revoke(request: HttpRequest, pk: int) -> HttpResponseBase:
    try:
        done = actions.revoke(_person(request), pk, now=timezone.now())
    except ApiToken.DoesNotExist as e:
        raise Http404 from e
    messages.success(request, "Revoked: it is refused from now on." if done else "It was revoked.")
    return redirect(_back(request))


def _make(request: HttpRequest, form: TokenForm, owner: User) -> tuple[ApiToken, str] | None:
    """The new token and its text, which is shown on this page and kept nowhere; None where it is refused."""
    if not form.is_valid():
        return None
    found = form.cleaned_data
    try:
        return actions.create(
            _person(request),
            owner=owner,
            name=found["name"],
            rights=found["rights"],
            days=found["days"],
            now=timezone.now(),
        )
    except actions.Refused as e:
        form.add_error(None, str(e))
        return None


def _list(request: HttpRequest, owner: User) -> dict[str, Any]:
    now = timezone.now()
    may_see_all = owner.has_perm(roles.MANAGE_PEOPLE)
    is_all = may_see_all and request.GET.get("of") == "all"
    page = queries.tokens(
        owner,
        now=now,
        owner_pk=None if is_all else owner.pk,
        cursor_text=request.GET.get("cursor", ""),
    )
    return {
        "nav": "tokens",
        "now": now,
        "page": page,
        "is_all": is_all,
        "may_see_all": may_see_all,
        # Of people whom an identity provider signs in: how long their tokens outlast that.
        "provider_days": settings.POSTURE_PROVIDER_TOKEN_DAYS
        if hasattr(owner, "provider_sign_in")
        else None,
        "previous_query": web.query(request.GET, cursor=page.previous_cursor),
        "next_query": web.query(request.GET, cursor=page.next_cursor),
    }


def _back(request: HttpRequest) -> str:
    """Where the button was: the page of a person, or one of the lists."""
    back = request.POST.get("back", "")
    if back.isascii() and back.isdigit() and request.user.has_perm(roles.MANAGE_PEOPLE):
        return reverse("posture:person", args=[int(back[:9])])
    return reverse("posture:tokens") + ("?of=all" if back == "all" else "")


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user
