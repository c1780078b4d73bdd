"""The inbox of drift, one drift as a page and as a drawer, and what people decide about it."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from invariants.actions import drift as decisions
from invariants.forms.drift import AcceptForm, AssignForm, DriftFilterForm
from invariants.models import Drift
from invariants.queries import drift
from invariants.views.listing import csv_file
from inventory import web

# Ids are 64 bits wide; a longer number in the address is no drift.
MAX_ID = 2**63 - 1
DRAWER = "drawer"


@require_GET
@vary_on_headers("HX-Request")
def drift_inbox(request: HttpRequest) -> TemplateResponse:
    now = timezone.now()
    form = DriftFilterForm(request.GET)
    filters = form.read()
    found = drift.inbox(request.user, filters, cursor_text=form.cursor_text, now=now)
    context = {
        "nav": "drift",
        "now": now,
        "form": form,
        "filters": filters,
        "found": found,
        "ages": [(code, label) for code, (label, _) in drift.AGES.items()],
        "standings": drift.STANDINGS,
        "query": web.query(request.GET),
        "next_query": web.query(request.GET, cursor=found.page.next_cursor),
        "previous_query": web.query(request.GET, cursor=found.page.previous_cursor),
    }
    # Closing the drawer empties it and leaves the list as it is.
    if web.target(request) == DRAWER:
        return web.page(request, "invariants/drift_list.html", context, partial="closed")
    return web.page(request, "invariants/drift_list.html", context, partial="results")


@require_GET
def drift_csv(request: HttpRequest) -> StreamingHttpResponse:
    now = timezone.now()
    filters = DriftFilterForm(request.GET).read()
    lines = drift.records(drift.rows(request.user, filters, now=now))
    return csv_file(f"drift-{now.date().isoformat()}.csv", drift.HEADS, lines)


@require_GET
@vary_on_headers("HX-Request")
def drift_entry(request: HttpRequest, pk: int) -> TemplateResponse:
    return _entry(request, pk)


@require_POST
@vary_on_headers("HX-Request")
def drift_accept(request: HttpRequest, pk: int) -> HttpResponseBase:
    form = AcceptForm(request.POST)
    user = _person(request, pk)
    if form.is_valid():
        try:
            why, seen = form.cleaned_data["why"], form.cleaned_data["seen"]
            decisions.accept(user, pk, why=why, seen=seen, now=timezone.now())
        except decisions.Refused as error:
            form.add_error(None, str(error))
        else:
            return _done(request, pk, "Accepted: it counts as open no more")
    return _entry(request, pk, accept=form, status=422)


@require_POST
@vary_on_headers("HX-Request")
def drift_reopen(request: HttpRequest, pk: int) -> HttpResponseBase:
    user = _person(request, pk)
    try:
        decisions.reopen(user, pk)
    except decisions.Refused as error:
        messages.error(request, str(error))
        return redirect(reverse("invariants:drift_entry", args=[pk]))
    return _done(request, pk, "It is open again")


@require_POST
@vary_on_headers("HX-Request")
def drift_assign(request: HttpRequest, pk: int) -> HttpResponseBase:
    form = AssignForm(request.POST)
    user = _person(request, pk)
    if form.is_valid():
        try:
            owner, note = form.cleaned_data["owner"], form.cleaned_data["note"]
            decisions.assign(user, pk, owner=owner, note=note)
        except decisions.Refused as error:
            form.add_error(None, str(error))
        else:
            return _done(request, pk, "Saved")
    return _entry(request, pk, assign=form, status=422)


def _entry(
    request: HttpRequest,
    pk: int,
    *,
    accept: AcceptForm | None = None,
    assign: AssignForm | None = None,
    status: int = 200,
) -> TemplateResponse:
    found = drift.detail(request.user, pk) if pk <= MAX_ID else None
    if found is None:
        raise Http404
    row = found.row
    given = {"owner": row.owner, "note": row.note}
    context: dict[str, Any] = {
        "nav": "drift",
        "now": timezone.now(),
        "found": found,
        "row": row,
        "accept_form": accept or AcceptForm(initial={"seen": row.changed_since}),
        "assign_form": assign or AssignForm(initial=given),
        "query": web.query(request.GET),
        "link": request.build_absolute_uri(reverse("invariants:drift_entry", args=[pk])),
    }
    answer = web.page(request, "invariants/drift_detail.html", context, partial=DRAWER)
    answer.status_code = status
    return answer


def _person(request: HttpRequest, pk: int) -> User:
    """Who decides. Nobody else is told whether there is such a drift, and nor is who may not know of it."""
    user = request.user
    if not isinstance(user, User) or not user.has_perm(decisions.MANAGE):
        raise PermissionDenied("Drift is decided on by people with the right “Manage drift”.")
    if pk > MAX_ID or not Drift.objects.visible_to(user).filter(pk=pk).exists():
        raise Http404
    return user


def _done(request: HttpRequest, pk: int, said: str) -> HttpResponseBase:
    messages.success(request, said)
    address = reverse("invariants:drift_entry", args=[pk])
    if web.is_fragment(request):
        return HttpResponseClientRedirect(address)
    return redirect(address)
