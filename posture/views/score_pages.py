"""Pages beside the scorecards: why a score moved, owners, two OUs side by side, child OUs as CSV."""

from collections.abc import Iterator

from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from inventory import spreadsheets, web
from inventory.queries import tree
from posture import forms
from posture.forms import AsOfForm
from posture.queries import change_page, compare, days, scorecard, teams
from posture.queries.scorecard import Scorecard
from posture.views import moments


@require_GET
@vary_on_headers("HX-Request")
def score_change(request: HttpRequest, ou_id: str) -> TemplateResponse:
    now = timezone.now()
    ou = change_page.unit(request.user, ou_id)
    if ou is None:
        raise Http404
    form = forms.ChangeForm(request.GET, today=now.date())
    page = None
    if form.is_valid():
        values = form.cleaned_data
        page = change_page.change_page(
            request.user,
            ou,
            (values["since"], values["until"]),
            behind=form.behind,
            cursor_text=values.get("cursor") or "",
        )
    context = {
        "nav": "scorecards",
        "now": now,
        "form": form,
        "ou": ou,
        "page": page,
        "name": tree.shown_name(ou),
        "way": tree.way_to(request.user, ou.path),
        "ends_query": web.query(request.GET, part="", cause="", name=""),
        "previous_query": web.query(request.GET, cursor=page.previous_cursor) if page else "",
        "next_query": web.query(request.GET, cursor=page.next_cursor) if page else "",
    }
    partial = "cells" if web.target(request) == "cells" else "content"
    template = "posture/change_detail.html"
    response = web.page(request, template, context, partial=partial)
    response.status_code = 200 if form.is_valid() else 400
    return response


@require_GET
def team_list(request: HttpRequest) -> TemplateResponse:
    now = timezone.now()
    moment = AsOfForm(request.GET, today=now.date())
    if moment.problem:
        return moments.no_such_day(request, moment, now=now, nav="scorecards", title="Owners")
    context = {
        "nav": "scorecards",
        "teams": teams.teams(request.user, day=moment.day, is_frozen=moment.is_frozen),
        "rolled_up": days.state(),
        **moments.context(request, moment, now=now),
    }
    return TemplateResponse(request, "posture/team_list.html", context)


@require_GET
def team_detail(request: HttpRequest, pk: str) -> TemplateResponse:
    now = timezone.now()
    moment = AsOfForm(request.GET, today=now.date())
    if moment.problem:
        return moments.no_such_day(request, moment, now=now, nav="scorecards", title="Owner")
    page = teams.team_page(request.user, int(pk), day=moment.day, is_frozen=moment.is_frozen)
    if page is None:
        raise Http404
    context = {
        "nav": "scorecards",
        "page": page,
        "team": page.team,
        "scope": f"team={page.team.filter_value}",
        "rolled_up": days.state(),
        **moments.context(request, moment, now=now),
    }
    return TemplateResponse(request, "posture/team_detail.html", context)


@require_GET
def compare_ous(request: HttpRequest) -> TemplateResponse:
    now = timezone.now()
    moment = AsOfForm(request.GET, today=now.date())
    if moment.problem:
        return moments.no_such_day(request, moment, now=now, nav="scorecards", title="Compare")
    form = forms.CompareForm(request.GET, user=request.user)
    a, b = form.pair
    both = None
    if a and b and not form.problem:
        both = compare.compare(request.user, a, b, day=moment.day)
    context = {
        "nav": "scorecards",
        "form": form,
        "a": a,
        "b": b,
        "both": both,
        "ous": tree.ou_choices(request.user),
        "rolled_up": days.state(),
        **moments.context(request, moment, now=now),
    }
    return TemplateResponse(request, "posture/compare.html", context)


@require_GET
def scorecard_children_csv(request: HttpRequest, ou_id: str) -> StreamingHttpResponse:
    now = timezone.now()
    moment = AsOfForm(request.GET, today=now.date())
    card = None
    if not moment.problem:
        card = scorecard.scorecard(request.user, ou_id, day=moment.day, is_frozen=moment.is_frozen)
    if card is None:
        raise Http404
    order = forms.ChildrenForm(request.GET).chosen
    name = f"child-ous-{card.ou_id}-{moment.day:%Y-%m-%d}.csv"
    return StreamingHttpResponse(
        _lines(card, order),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )


def _lines(card: Scorecard, order: str) -> Iterator[str]:
    yield spreadsheets.line(scorecard.CHILD_HEADS)
    for record in scorecard.child_records(card, order):
        yield spreadsheets.line(record)
