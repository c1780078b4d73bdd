"""The findings list and one finding."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from findings.forms import ORDERS, FilterForm
from findings.models import Area, Finding, Severity
from findings.queries import counts, detail, listing
from inventory import web

# Ids are 64 bits wide; a longer number in the address is no finding.
_MAX_ID = 2**63 - 1
DRAWER = "drawer"


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter that is on, and the query string without it."""

    name: str
    text: str
    query: str


@require_GET
@vary_on_headers("HX-Request", "HX-Target")
def finding_list(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    if web.is_fragment(request) and web.target(request) == DRAWER:
        # The drawer was closed: the list beside it still stands.
        return HttpResponse("")
    form = FilterForm(request.GET, user=request.user)
    filters, values = form.read()
    order = values.get("sort") or "worst"
    page = listing.findings(
        request.user, filters, order=order, cursor_text=values.get("cursor") or "", now=now
    )
    summary = counts.summary(request.user, filters, now=now)
    context = {
        "nav": "findings",
        "now": now,
        "filters": filters,
        "messages_of_filters": form.messages,
        "order": order,
        "orders": [
            (name, label, web.query(request.GET, sort="" if name == "worst" else name))
            for name, label in ORDERS
        ],
        "facets": summary.facets,
        "total": summary.total,
        "page": page,
        "chips": _chips(request.GET, form),
        "query": web.query(request.GET),
        "previous_query": web.query(request.GET, cursor=page.previous_cursor),
        "next_query": web.query(request.GET, cursor=page.next_cursor),
    }
    return web.page(request, "findings/finding_list.html", context, partial="find")


@require_GET
@vary_on_headers("HX-Request")
def finding_detail(request: HttpRequest, pk: int) -> TemplateResponse:
    now = timezone.now()
    found = detail.finding(request.user, pk, now=now) if pk <= _MAX_ID else None
    if found is None:
        raise Http404
    context = {
        "nav": "findings",
        "now": now,
        "finding": found,
        "query": web.query(request.GET),
    }
    return web.page(request, "findings/finding_detail.html", context, partial=DRAWER)


def _chips(query: QueryDict, form: FilterForm) -> list[Chip]:
    """What narrows the list, in words, in the order of the form."""
    values: dict[str, Any] = form.cleaned_data
    labels: dict[str, dict[Any, Any]] = {
        "severity": dict(Severity.choices),
        "area": dict(Area.choices),
        "status": dict(Finding.Status.choices),
    }
    chips = []
    for name, title in _TITLES.items():
        chosen = values.get(name)
        if not chosen:
            continue
        words = [chosen] if isinstance(chosen, (str, bool)) else list(chosen)
        text = ", ".join(str(labels.get(name, {}).get(word, word)) for word in words)
        if name == "ou" and form.ou_row is not None:
            text = form.ou_row.label or "All"
        if name == "overdue":
            text = "past due"
        chips.append(Chip(title, text, web.query(query, **{name: ""})))
    return chips


_TITLES = {
    "severity": "severity",
    "status": "status",
    "area": "area",
    "control": "control",
    "account": "account",
    "ou": "OU",
    "product": "product",
    "region": "Region",
    "q": "contains",
    "overdue": "due",
}
