"""The findings list, its facets, and which columns it shows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import push_url

from findings.actions import views as actions
from findings.forms import ORDERS, PARAMETERS, FilterForm, spelled_out
from findings.queries import bulk, columns, counts, listing, saved_views
from findings.queries.counts import Facet
from findings.queries.filters import Filters
from findings.views.detail import DRAWER
from inventory import web
from inventory.access import AnyUser

DEFAULT_ORDER: Final = "worst"
MAX_QUERY: Final = 4000
# Facets in the order of the page: what is asked for most comes first, and open.
_OPEN_FACETS: Final = ("severity", "exposure", "environment", "sla", "area", "ou")
_CLOSED_FACETS: Final = (
    *("account", "control", "team", "region", "type", "product", "age"),
    *("status", "workflow", "excepted"),
)
# What a chip calls a filter; the titles of the facets are too long for some.
_CHIP_NAMES: Final = {"ou": "OU", "sla": "due", "type": "type", "excepted": "exception"}


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter that is on, and the query string without it."""

    name: str
    text: str
    query: str


@dataclass(frozen=True, slots=True)
class ShownFacet:
    """`on`: how many of its values a person has chosen."""

    facet: Facet
    on: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class PresetLink:
    name: str
    query: str
    is_on: bool


@require_GET
@vary_on_headers("HX-Request", "HX-Target")
def finding_list(request: HttpRequest) -> HttpResponseBase:
    if web.is_fragment(request) and web.target(request) == DRAWER:
        # The drawer was closed: the list beside it still stands.
        return HttpResponse("")
    typed = spelled_out(request.GET)
    query = _shortest(request.GET if typed is None else typed)
    address = f"{reverse('findings:list')}{'?' if query else ''}{query.urlencode()}"
    if not web.is_fragment(request):
        return _whole_page(request, query) if typed is None else redirect(address)
    response = web.page(
        request, "findings/finding_list.html", _list_context(request.user, query), partial="find"
    )
    # The address is the state of the page, and the form sends more than that.
    return response if query == request.GET else push_url(response, address)


def _whole_page(request: HttpRequest, query: QueryDict) -> TemplateResponse:
    context = _list_context(request.user, query)
    return TemplateResponse(request, "findings/finding_list.html", context)


def _shortest(query: QueryDict) -> QueryDict:
    """The query without what is empty, and without the status that the list has anyway."""
    shortest = QueryDict(mutable=True)
    for name, values in query.lists():
        kept = [value for value in values if value]
        if kept and (name, kept) != ("status", ["OPEN"]):
            shortest.setlist(name, kept)
    return shortest


def _list_context(user: AnyUser, query: QueryDict) -> dict[str, Any]:
    now = timezone.now()
    form = FilterForm(query, user=user)
    filters, values = form.read()
    order = values.get("sort") or DEFAULT_ORDER
    summary = counts.summary(user, filters, now=now)
    page = listing.findings(
        user,
        filters,
        order=order,
        cursor_text=values.get("cursor") or "",
        now=now,
        summary=summary,
    )
    shown = columns.chosen(user)
    return {
        "nav": "findings",
        "now": now,
        "filters": filters,
        "q": values.get("q") or "",
        "messages_of_filters": form.messages,
        "order": order,
        "orders": [
            (name, label, web.query(query, sort="" if name == DEFAULT_ORDER else name))
            for name, label in ORDERS
        ],
        "facets": _in_order(summary.facets, filters),
        "total": summary.total,
        "everything": summary.everything,
        "page": page,
        "chips": _chips(query, values, summary.facets, form),
        "presets": _presets(query),
        "query": web.query(query),
        "parameters": parameters(query),
        "previous_query": web.query(query, cursor=page.previous_cursor),
        "next_query": web.query(query, cursor=page.next_cursor),
        "columns": columns.COLUMNS,
        "shown": dict.fromkeys(shown, True),
        "has_more_columns": not shown <= columns.DEFAULT,
        "views": saved_views.views(user),
        "max_items": bulk.MAX_ITEMS,
    }


@require_GET
@vary_on_headers("HX-Request")
def finding_facet(request: HttpRequest, name: str) -> TemplateResponse:
    """The choices of one facet, which the list asks for when it is opened or searched in."""
    if name not in PARAMETERS:
        raise Http404
    form = FilterForm(request.GET, user=request.user)
    filters, _ = form.read()
    contains = request.GET.get("contains", "").replace("\0", "")[:80]
    facet = counts.facet(request.user, filters, name, now=timezone.now(), contains=contains)
    kept = [pair for pair in parameters(request.GET) if pair[0] != name]
    context = {"nav": "findings", "facet": facet, "parameters": kept, "contains": contains}
    return web.page(request, "findings/finding_facet.html", context, partial="choices")


@require_POST
def choose_columns(request: HttpRequest) -> HttpResponseBase:
    """Remembers the columns, and goes back to the list."""
    if isinstance(request.user, User):
        actions.choose_columns(request.user, set(request.POST.getlist("column")))
    return back_to_list(request.POST.get("query", ""))


def back_to_list(text: str) -> HttpResponseBase:
    query = clean_query(text)
    return redirect(f"{reverse('findings:list')}{'?' if query else ''}{query}")


def clean_query(text: str) -> str:
    """A query string with nothing in it but what the list knows, and no page."""
    found = QueryDict(text[:MAX_QUERY])
    kept = found.copy()
    for name in found:
        if name not in (*PARAMETERS, "q", "sort", "overdue"):
            del kept[name]
    return web.query(kept)


def parameters(query: QueryDict) -> list[tuple[str, str]]:
    """The filters, words and order as (name, value), for the hidden fields of a form."""
    pairs = QueryDict(clean_query(query.urlencode())).lists()
    return [(name, value) for name, values in pairs for value in values]


def _in_order(facets: Iterable[Facet], filters: Filters) -> list[ShownFacet]:
    """Those that have choices, or that load them when they are opened."""
    by_name = {facet.name: facet for facet in facets if facet.choices or facet.is_lazy}
    shown = []
    for name in (*_OPEN_FACETS, *_CLOSED_FACETS):
        if name in by_name:
            # Open findings are what the list shows without any choice.
            on = 0 if name == "status" and filters.is_open_only else by_name[name].on
            shown.append(ShownFacet(by_name[name], on, bool(on) or name in _OPEN_FACETS))
    return shown


def _presets(query: QueryDict) -> list[PresetLink]:
    now_shown = sorted(pair for pair in parameters(query) if pair[0] != "sort")
    return [
        PresetLink(
            preset.name, preset.query, sorted(parameters(QueryDict(preset.query))) == now_shown
        )
        for preset in saved_views.PRESETS
    ]


def _chips(
    query: QueryDict, values: Mapping[str, Any], facets: Iterable[Facet], form: FilterForm
) -> list[Chip]:
    """What narrows the list, in words, in the order of the facets."""
    labels = {
        facet.name: {choice.value: choice.label for choice in facet.choices} for facet in facets
    }
    chips = []
    for name in (*_OPEN_FACETS, *_CLOSED_FACETS):
        chosen = values.get(name)
        if not chosen:
            continue
        if name == "ou":
            text = (form.ou_row.label or "All") if form.ou_row else ""
        else:
            text = ", ".join(str(labels.get(name, {}).get(word, word)) for word in chosen)
        changes = {name: "", "overdue": ""} if name == "sla" else {name: ""}
        chips.append(Chip(_CHIP_NAMES.get(name, name), text, web.query(query, **changes)))
    if values.get("q"):
        chips.append(Chip("contains", values["q"], web.query(query, q="")))
    return chips
