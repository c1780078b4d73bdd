"""The inbox of exceptions: what waits for a person, and taking many up at once."""

import re
from datetime import date, datetime
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from invariants.actions.exceptions import By, desk
from invariants.forms.exceptions.inbox import BulkForm, InboxForm
from invariants.models.exceptions import ExceptionState, Risk
from invariants.policies.exceptions import NotAllowed, tiers
from invariants.queries.exceptions import inbox as queries
from invariants.queries.exceptions import standing
from inventory import web
from inventory.clients import client_address
from inventory.models import Organization

_REF: Final = re.compile(r"EX-[0-9]{4,9}", re.ASCII)


@require_GET
@vary_on_headers("HX-Request")
def inbox(request: HttpRequest) -> TemplateResponse:
    context = listed(request, now=timezone.now())
    return web.page(request, "exceptions/inbox.html", context, partial="list")


def listed(request: HttpRequest, *, now: datetime) -> dict[str, Any]:
    """The list beside which one request is shown: its filters, tabs, rows and pages."""
    user = request.user
    form = InboxForm(request.GET, user=user)
    filters = form.read()
    found = queries.inbox(user, filters, cursor_text=form.cursor_text, now=now, today=today_of(now))
    return {
        "nav": "exceptions",
        "now": now,
        "form": form,
        "filters": filters,
        "found": found,
        "tabs": [
            (code, label, web.query(request.GET, tab=code, decide=""))
            for code, label in queries.TABS
        ],
        "list_messages": form.messages,
        "all_url": reverse("exceptions:inbox") + "?tab=all",
        "states": ExceptionState.choices,
        "risks": Risk.choices,
        "may_triage": user.has_perm(tiers.TRIAGE),
        "query": web.query(request.GET),
        "next_query": web.query(request.GET, cursor=found.page.next_cursor),
        "previous_query": web.query(request.GET, cursor=found.page.previous_cursor),
    }


def today_of(now: datetime) -> date:
    """Of the calendar of the organisation that the pages are about."""
    organization = Organization.objects.order_by("pk").first()
    return standing.moment_of(organization, now).today if organization else now.date()


@require_POST
def bulk(request: HttpRequest) -> HttpResponseBase:
    """Asks first, naming each; then takes them up, and says of each that was refused why."""
    user = request.user
    if not isinstance(user, User) or not user.has_perm(tiers.TRIAGE):
        raise PermissionDenied("Requests are triaged by people with the right to triage them.")
    form = BulkForm(request.POST)
    refs = [ref for ref in request.POST.getlist("pick") if _REF.fullmatch(ref)]
    by = By(user, address=client_address(request))
    if not form.is_valid() or not form.cleaned_data["sure"]:
        return _asked(request, by, refs)
    note = form.cleaned_data["note"]
    try:
        done = desk.triage_many(by, refs, note=note, now=timezone.now())
    except NotAllowed as error:
        messages.error(request, str(error))
        return redirect(reverse("exceptions:inbox"))
    messages.success(request, f"{done.taken} taken up")
    for ref, why in done.refused:
        messages.error(request, f"{ref} was not taken up: {why}")
    return redirect(reverse("exceptions:inbox"))


def _asked(request: HttpRequest, by: By, refs: list[str]) -> HttpResponseBase:
    now = timezone.now()
    chosen = desk.to_triage(by, refs)
    if not chosen:
        messages.warning(request, "Choose requests that are submitted and not taken up yet.")
        return redirect(reverse("exceptions:inbox"))
    rows = [queries.row_of(one, now=now, today=today_of(now)) for one in chosen]
    context = {
        "nav": "exceptions",
        "now": now,
        "rows": rows,
        "left_out": len(set(refs)) - len(rows),
    }
    return TemplateResponse(request, "exceptions/bulk.html", context)
