"""The page of one invariant."""

from typing import Any

from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from findings import access as findings_access
from invariants.forms.filters import TABS, DetailForm
from invariants.queries import (
    denials,
    drift,
    history,
    invariant_page,
    proofs,
    register,
    violations,
    words,
)
from invariants.queries.invariant_page import InvariantPage
from invariants.queries.ou_tree import Cell
from invariants.views.accounts import found
from inventory import web


@require_GET
@vary_on_headers("HX-Request")
def invariant_detail(request: HttpRequest, key: str) -> TemplateResponse:
    now = timezone.now()
    invariant = found(request, key)
    form = DetailForm(request.GET)
    page = invariant_page.page(request.user, invariant)
    drifts = drift.of_invariant(request.user, invariant)
    context = {
        "nav": "invariants",
        "now": now,
        "page": page,
        "invariant": invariant,
        "demanded": page.demanded,
        "short": words.type_short(invariant.type, invariant.type_name),
        "tab": form.shown,
        "tabs": [(code, name) for code, name in TABS if page.sees_all or code not in _WHOLE],
        "cells": [(cell, _href(page, cell)) for cell in page.cells],
        "drifts": drifts,
        "open_drift": sum(1 for one in drifts if one.standing == "open"),
        "may_move": register.may_move(request.user),
        "denials": denials.of_invariant(request.user, invariant, today=now.date()),
        "violations": violations.of_invariant(request.user, invariant),
        "may_read_findings": findings_access.may_read(request.user),
        **_of_tab(request, page, form),
    }
    return web.page(request, "invariants/invariant_detail.html", context)


# Parts of the page that only those see who see the whole organisation.
_WHOLE = frozenset({"policy", "history"})


def _of_tab(request: HttpRequest, page: InvariantPage, form: DetailForm) -> dict[str, Any]:
    """What only one part of the page reads."""
    if form.shown == "history":
        newer, older = form.versions
        return {
            "versions": history.versions(request.user, page.invariant),
            "comparison": history.compare(request.user, page.invariant, newer, older),
        }
    if form.shown == "coverage":
        return {"rollouts": proofs.rollouts(request.user, page.invariant)}
    if form.shown == "exceptions":
        return {"let_go": invariant_page.let_go(request.user, page.invariant)}
    return {}


def _href(page: InvariantPage, cell: Cell) -> str:
    states = "".join(f"&state={state}" for state in cell.states)
    return f"{reverse('invariants:accounts', args=[page.invariant.key])}?ou={cell.ou_id}{states}"
