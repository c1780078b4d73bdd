"""What people vouch for: the list, attesting, and taking it back."""

from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from inventory import web
from inventory.queries import tree
from posture import forms
from posture.actions import attestations as actions
from posture.forms.attestations import STATES
from posture.models import Attestation
from posture.queries import attestations as queries

# The KPI that counts a subject; the others are kept for the record.
_KPIS: Final = {
    "GUARDIAN": "K5",
    "EXECUTIVE": "K5",
    "ON_CALL": "K5",
    "IDENTITY_MFA": "K11",
    "LOOP_FIX": "K24",
    "IR_EXERCISE": "K30",
    "RUNBOOK": "K30",
}
_MARKS: Final = {
    queries.State.VALID: ("valid", "ok", "check"),
    queries.State.EXPIRING: ("expiring", "warn", "clock"),
    queries.State.EXPIRED: ("expired", "bad", "circle-x"),
    queries.State.WITHDRAWN: ("withdrawn", "", "minus"),
}


@require_http_methods(["GET", "POST"])
@vary_on_headers("HX-Request")
def attestation_list(request: HttpRequest) -> HttpResponseBase:
    """The list; by POST somebody attests, and what is wrong comes back with the form (422)."""
    if request.method == "POST":
        return _attest(request)
    now = timezone.now()
    form = forms.AttestationForm(user=request.user, today=now.date())
    context = _context(request, form, now=now)
    return web.page(request, "posture/attestation_list.html", context, partial="results")


@permission_required("posture.attest", raise_exception=True)
def _attest(request: HttpRequest) -> HttpResponseBase:
    now = timezone.now()
    form = forms.AttestationForm(request.POST, user=request.user, today=now.date())
    if form.is_valid() and _saved(request, form, now=now):
        messages.success(request, "Attested; it counts from the next daily run on")
        return _back(request)
    if web.is_fragment(request):
        context = {"form": form, "now": now}
        return TemplateResponse(request, "posture/_attestation_form.html", context, status=422)
    context = _context(request, form, now=now)
    return TemplateResponse(request, "posture/attestation_list.html", context, status=422)


def _saved(request: HttpRequest, form: forms.AttestationForm, *, now: datetime) -> bool:
    """Whether it was; what the action refuses comes to stand at its input."""
    organization = tree.organization()
    if organization is None:
        form.refuse("", "Nothing has been collected yet: there is no account to vouch for.")
        return False
    values: dict[str, Any] = dict(form.cleaned_data)
    account = values.pop("account_id")
    try:
        actions.attest(_person(request), organization, account=account, now=now, **values)
    except actions.Refused as e:
        form.refuse(e.field, str(e))
        return False
    return True


@require_POST
@permission_required("posture.attest", raise_exception=True)
def attestation_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        actions.withdraw(_person(request), pk, now=timezone.now())
    except Attestation.DoesNotExist as e:
        raise Http404 from e
    except actions.Refused as e:
        messages.error(request, str(e))
    else:
        messages.success(request, "Withdrawn; the days before keep it")
    return _back(request)


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _back(request: HttpRequest) -> HttpResponse:
    address = reverse("posture:attestations")
    return HttpResponseClientRedirect(address) if web.is_fragment(request) else redirect(address)


def _context(request: HttpRequest, form: forms.AttestationForm, *, now: datetime) -> dict[str, Any]:
    subject, state, cursor = forms.AttestationFilterForm(request.GET).read()
    page = queries.attestations(
        request.user, day=now.date(), subject=subject, state=state, cursor_text=cursor
    )
    coverage = queries.coverage(request.user, day=now.date())
    return {
        "nav": "kpis",
        "now": now,
        "form": form,
        "may_attest": request.user.has_perm(queries.ATTEST),
        "page": page,
        "rows": [(line, _MARKS[line.state]) for line in page.rows],
        "coverage": [(one, _KPIS.get(one.subject, "")) for one in coverage],
        "subject": subject,
        "state": state,
        "subjects": Attestation.Subject.choices,
        "states": STATES,
        "previous_query": web.query(request.GET, cursor=page.previous_cursor),
        "next_query": web.query(request.GET, cursor=page.next_cursor),
    }
