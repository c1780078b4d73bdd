"""Pages about scores and accounts, of today or as of a day that is over."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from invariants.queries import sections
from invariants.queries.exceptions import history, totals
from inventory import web
from inventory.queries import accounts as inventory_accounts
from inventory.queries import runs, tree
from posture import forms
from posture.forms import AsOfForm
from posture.queries import account_page, accounts, days, organization, scorecard
from posture.queries.scorecard import Scorecard
from posture.views import moments

_FILTERS = ("q", "ou", "team", "environment")


@require_GET
def overview(request: HttpRequest) -> TemplateResponse:
    now = timezone.now()
    context = {
        "nav": "overview",
        "now": now,
        "overview": organization.overview(request.user, day=now.date()),
        "invariants": sections.in_short(request.user),
        "exception_counts": totals.of_place_now(request.user, now=now),
        "freshness": runs.freshness(request.user),
        "rolled_up": days.state(),
    }
    return TemplateResponse(request, "posture/overview.html", context)


@require_GET
def scorecards(request: HttpRequest) -> TemplateResponse:
    now = timezone.now()
    moment = AsOfForm(request.GET, today=now.date())
    if moment.problem:
        return moments.no_such_day(request, moment, now=now, nav="scorecards", title="Scorecards")
    context = {
        "nav": "scorecards",
        "ous": organization.scorecards(request.user, day=moment.day, is_frozen=moment.is_frozen),
        "rolled_up": days.state(),
        **moments.context(request, moment, now=now),
    }
    return TemplateResponse(request, "posture/scorecard_list.html", context)


@require_GET
@vary_on_headers("HX-Request")
def scorecard_detail(request: HttpRequest, ou_id: str) -> TemplateResponse:
    now = timezone.now()
    moment = AsOfForm(request.GET, today=now.date())
    if moment.problem:
        return moments.no_such_day(request, moment, now=now, nav="scorecards", title="Scorecard")
    card = scorecard.scorecard(request.user, ou_id, day=moment.day, is_frozen=moment.is_frozen)
    if card is None:
        raise Http404
    children = forms.ChildrenForm(request.GET)
    context = {
        "nav": "scorecards",
        "card": card,
        "scope": f"ou={card.ou_id}",
        "children": scorecard.in_order(card.children, children.chosen),
        "child_sorts": _child_sorts(request, children.chosen),
        "children_query": web.query(request.GET, sort=children.chosen),
        "is_fragment": web.is_fragment(request),
        # Sums of OUs are kept of the present alone.
        "invariants": None if moment.is_frozen else sections.of_ou(request.user, ou_id),
        "exception_counts": history.of_day(request.user, ou_id, moment.day)
        if moment.is_frozen
        else totals.of_place_now(request.user, now=now, ou_id=ou_id),
        **_freshness(request, moment, card, now=now),
    }
    partial = "children" if web.target(request) == "children" else "content"
    return web.page(request, "posture/scorecard_detail.html", context, partial=partial)


def _freshness(
    request: HttpRequest, moment: AsOfForm, card: Scorecard, *, now: datetime
) -> dict[str, Any]:
    """What could not be read is said of today: of a frozen day the coverage says it."""
    return {
        "rolled_up": days.state(),
        "freshness": None if moment.is_frozen else runs.freshness(request.user),
        **moments.context(request, moment, now=now),
    }


def _child_sorts(request: HttpRequest, chosen: str) -> list[tuple[str, str, bool]]:
    """(query string, label, whether it is the present order)."""
    return [
        (web.query(request.GET, sort=sort), label, sort == chosen)
        for sort, label in forms.CHILD_SORTS
    ]


@require_GET
@vary_on_headers("HX-Request")
def account_list(request: HttpRequest) -> TemplateResponse:
    now = timezone.now()
    moment = AsOfForm(request.GET, today=now.date())
    if moment.problem:
        return moments.no_such_day(request, moment, now=now, nav="accounts", title="Accounts")
    day, is_frozen = moment.day, moment.is_frozen
    form = forms.AccountFilterForm(request.GET, user=request.user)
    filters, cursor = form.read()
    page = accounts.listing(request.user, filters, cursor_text=cursor, day=day, is_frozen=is_frozen)
    context = {
        "nav": "accounts",
        "form": form,
        "filters": filters,
        "sorts": forms.SORTS,
        "ous": tree.ou_choices(request.user),
        "choices": inventory_accounts.choices(request.user),
        "page": page,
        "total": accounts.total(request.user, filters, day=day, is_frozen=is_frozen),
        "previous_query": web.query(request.GET, cursor=page.previous_cursor),
        "next_query": web.query(request.GET, cursor=page.next_cursor),
        "is_narrowed": any(request.GET.get(name) for name in _FILTERS),
        **moments.context(request, moment, now=now),
    }
    return web.page(request, "posture/account_list.html", context, partial="results")


@require_GET
def account_detail(request: HttpRequest, account_id: str) -> TemplateResponse:
    now = timezone.now()
    moment = AsOfForm(request.GET, today=now.date())
    if moment.problem:
        return moments.no_such_day(request, moment, now=now, nav="accounts", title="Account")
    page = account_page.account_page(
        request.user, account_id, day=moment.day, is_frozen=moment.is_frozen
    )
    if page is None:
        raise Http404
    context = {
        "nav": "accounts",
        "page": page,
        "account": page.facts,
        # The register is counted by OU for past days, and by account for the present alone.
        "exception_counts": None
        if moment.is_frozen
        else totals.of_place_now(request.user, now=now, account_id=page.facts.account_id),
        **moments.context(request, moment, now=now),
    }
    return TemplateResponse(request, "posture/account_detail.html", context)
