"""Pages about KPIs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from findings import access as findings_access
from inventory import spreadsheets, web
from inventory.access import AnyUser
from inventory.models import OrganizationalUnit
from posture import forms, kpis
from posture.kpis import Kpi
from posture.queries import kpi_pages

_LABELS: Final = {
    "exceptions:numbers": "Exceptions in numbers",
    "findings:list": "Findings",
    "findings:controls": "Controls",
    "posture:accounts": "Accounts",
    "posture:coverage": "Coverage",
    "posture:overview": "Overview",
    "posture:scorecards": "Scorecards",
    "posture:sync": "Sync status",
}
# These pages take the OU too.
_OF_OU: Final = ("findings:list", "posture:accounts")


@require_GET
@vary_on_headers("HX-Request")
def kpi_list(request: HttpRequest) -> TemplateResponse:
    now = timezone.now()
    form = forms.KpiFilterForm(request.GET, user=request.user, today=now.date())
    ou, day = form.read()
    context = {
        "nav": "kpis",
        "now": now,
        "form": form,
        "day": day,
        "is_today": day == now.date(),
        "board": kpi_pages.board(request.user, ou, day=day),
        "scope_query": web.query(request.GET),
    }
    return web.page(request, "posture/kpi_list.html", context)


@require_GET
@vary_on_headers("HX-Request")
def kpi_detail(request: HttpRequest, kpi_id: str) -> TemplateResponse:
    now = timezone.now()
    form = forms.KpiFilterForm(request.GET, user=request.user, today=now.date())
    ou, day = form.read()
    page = kpi_pages.page(
        request.user, kpi_id, ou, day=day, weeks=form.weeks_shown, cursor_text=form.cursor_text
    )
    if page is None:
        raise Http404
    is_accounts = web.target(request) == "kpi-accounts"
    context = {
        "nav": "kpis",
        "now": now,
        "form": form,
        "day": day,
        "is_today": day == now.date(),
        "page": page,
        "card": page.card,
        "weeks": form.weeks_shown,
        "links": _links(page.card, page.ou_id, request.user),
        "week_choices": [(n, web.query(request.GET, weeks=str(n))) for n in kpi_pages.WEEKS],
        "scope_query": web.query(request.GET, weeks=""),
        "previous_query": web.query(request.GET, cursor=page.accounts.previous_cursor),
        "next_query": web.query(request.GET, cursor=page.accounts.next_cursor),
    }
    partial = "accounts" if is_accounts else "content"
    return web.page(request, "posture/kpi_detail.html", context, partial=partial)


@dataclass(frozen=True, slots=True)
class _Link:
    url: str
    label: str


def _links(card: Kpi, ou_id: str, user: AnyUser) -> list[_Link]:
    """The pages that the KPI is made of, as far as the person may see them."""
    links = []
    for name in card.pages:
        if name.startswith("findings:") and not findings_access.may_read(user):
            continue
        scope = f"?ou={ou_id}" if ou_id and name in _OF_OU else ""
        links.append(_Link(reverse(name) + scope, _LABELS.get(name, name)))
    return links


@require_GET
def kpi_accounts_csv(request: HttpRequest, kpi_id: str) -> StreamingHttpResponse:
    """The accounts that the KPI is made of, with all parts, so that it can be reckoned by hand."""
    now = timezone.now()
    ou, day = forms.KpiFilterForm(request.GET, user=request.user, today=now.date()).read()
    card = kpis.registry().get(kpi_id)
    if card is None:
        raise Http404
    name = f"{kpi_id.lower()}-accounts-{day.isoformat()}.csv"
    return StreamingHttpResponse(
        _lines(request.user, card, ou, day),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )


def _lines(user: AnyUser, card: Kpi, ou: OrganizationalUnit | None, day: date) -> Iterator[str]:
    yield spreadsheets.line(kpi_pages.HEADS)
    for record in kpi_pages.records(user, card, ou, day=day):
        yield spreadsheets.line(record)
