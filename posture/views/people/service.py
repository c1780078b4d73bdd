"""Accounts for programs."""

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from inventory import web
from posture.actions import people as actions
from posture.forms.people import ServiceForm
from posture.policies import roles
from posture.queries import people as queries
from posture.queries.people import State
from posture.views.people.pages import MANAGE


@require_http_methods(["GET", "POST"])
@MANAGE
def service_accounts(request: HttpRequest) -> HttpResponseBase:
    """Those there are; posting makes one."""
    if request.method != "POST":
        return _page(request, ServiceForm(), status=200)
    if not isinstance(request.user, User):
        raise Http404
    form = ServiceForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    found = form.cleaned_data
    try:
        made = actions.create_service(
            request.user,
            username=found["username"],
            purpose=found["purpose"],
            role_names=found["roles"],
            now=timezone.now(),
        )
    except actions.Refused as e:
        form.add_error(None, str(e))
        return _page(request, form, status=422)
    messages.success(
        request, f"{made.get_username()} is there. It has no token yet: make one here."
    )
    return redirect("posture:person", pk=made.pk)


def _page(request: HttpRequest, form: ServiceForm, *, status: int) -> TemplateResponse:
    page = queries.people(
        request.user, state=State.SERVICE, cursor_text=request.GET.get("cursor", "")
    )
    context = {
        "nav": "people",
        "now": timezone.now(),
        "form": form,
        "ticked": request.POST.getlist("roles"),
        "roles": roles.ROLES,
        "page": page,
        "previous_query": web.query(request.GET, cursor=page.previous_cursor),
        "next_query": web.query(request.GET, cursor=page.next_cursor),
    }
    return TemplateResponse(request, "posture/service_accounts.html", context, status=status)
