"""What would change if a policy were attached here: asking, waiting for the answer, reading it."""

from datetime import datetime
from typing import Any, Final

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods
from django.views.decorators.vary import vary_on_headers

from invariants import tasks
from invariants.actions import what_if as actions
from invariants.forms.what_if import WhatIfForm
from invariants.policies.what_if import CannotAsk
from invariants.queries import what_if as queries
from inventory import web
from inventory.queries import tree

# Policies and accounts of everybody are in the question and in the answer.
_readers = permission_required("inventory.see_whole_organization", raise_exception=True)
_PREFILLED: Final = ("act", "source", "invariant", "policy", "target")


@_readers
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def what_if(request: HttpRequest) -> HttpResponseBase:
    """The form and the last questions; by POST one is asked, and what is wrong comes back (422)."""
    now = timezone.now()
    if request.method == "POST":
        return _ask(request, now=now)
    given = {name: request.GET[name] for name in _PREFILLED if name in request.GET}
    form = WhatIfForm(initial=given)
    return TemplateResponse(request, "invariants/what_if.html", _context(request, form, now=now))


def _ask(request: HttpRequest, *, now: datetime) -> HttpResponseBase:
    form = WhatIfForm(request.POST)
    organization = tree.organization()
    if form.is_valid() and organization is not None:
        person = request.user if isinstance(request.user, User) else None
        try:
            row, is_new = actions.ask(organization, form.question(), by=person, now=now)
        except CannotAsk as refused:
            form.refuse(refused.item, refused.words)
        else:
            if is_new:
                # A method of Celery's Django task class, which its stubs do not know.
                tasks.answer_what_if.delay_on_commit(what_if_id=str(row.pk))  # type: ignore[attr-defined]
            return redirect("invariants:what_if_result", what_if_id=row.pk)
    context = _context(request, form, now=now)
    return TemplateResponse(request, "invariants/what_if.html", context, status=422)


@_readers
@never_cache
@require_GET
@vary_on_headers("HX-Request")
def what_if_result(request: HttpRequest, what_if_id: Any) -> TemplateResponse:
    """One question; polls itself until it is answered."""
    now = timezone.now()
    found = queries.question(request.user, str(what_if_id), now=now)
    if found is None:
        raise Http404("There is no such question any more: ask it again.")
    context = {"nav": "invariants", "now": now, "asked": found, "answer": found.answer}
    return web.page(request, "invariants/what_if_result.html", context, partial="answer")


def _context(request: HttpRequest, form: WhatIfForm, *, now: datetime) -> dict[str, Any]:
    organization = tree.organization()
    return {
        "nav": "invariants",
        "now": now,
        "form": form,
        "choices": queries.choices(request.user, organization) if organization else None,
        "questions": queries.questions(request.user, now=now),
    }
