"""Who is away, and who approves meanwhile."""

from datetime import datetime

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from invariants.actions import exceptions as actions
from invariants.actions.exceptions import By
from invariants.forms.exceptions.absence import AbsenceForm
from invariants.models import ApproverAbsence
from invariants.policies.exceptions import NotAllowed
from invariants.queries.exceptions import absences as queries
from invariants.queries.exceptions import people
from invariants.views.exceptions.inbox import today_of
from inventory.clients import client_address


@require_http_methods(["GET", "HEAD", "POST"])
def absence(request: HttpRequest) -> HttpResponseBase:
    user, now = _person(request), timezone.now()
    if request.method != "POST":
        return _page(request, user, now=now)
    form = AbsenceForm(request.POST, people=people.delegates(user))
    if form.is_valid():
        given = form.cleaned_data
        delegate = User.objects.get(pk=given["delegate"])
        try:
            actions.leave(
                _by(request, user), delegate, since=given["since"], until=given["until"], now=now
            )
        except NotAllowed as error:
            form.add_error(None, list(error.missing))
        else:
            messages.success(request, f"{delegate.get_full_name() or delegate} stands in for you")
            return redirect(reverse("exceptions:absence"))
    return _page(request, user, now=now, form=form)


@require_POST
def absence_end(request: HttpRequest, pk: int) -> HttpResponseBase:
    user = _person(request)
    try:
        actions.come_back(_by(request, user), min(pk, 2**63 - 1), now=timezone.now())
    except ApproverAbsence.DoesNotExist as error:
        raise Http404 from error
    messages.success(request, "You are back: approvals are yours again")
    return redirect(reverse("exceptions:absence"))


def _page(
    request: HttpRequest, user: User, *, now: datetime, form: AbsenceForm | None = None
) -> TemplateResponse:
    found = queries.absences(user, today=today_of(now))
    shown = form or AbsenceForm(people=people.delegates(user) if found.may_leave else ())
    context = {"nav": "exceptions", "now": now, "found": found, "form": shown}
    status = 422 if form is not None else 200
    return TemplateResponse(request, "exceptions/absence.html", context, status=status)


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied("Sign in first.")
    return request.user


def _by(request: HttpRequest, user: User) -> By:
    return By(user, address=client_address(request))
