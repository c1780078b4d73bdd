"""Denied requests: by which invariant, how often, on whom, since when."""

from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from invariants.forms.denials import DenialFilterForm
from invariants.models import DeniedBy
from invariants.queries import denials
from inventory import web


@require_GET
@vary_on_headers("HX-Request")
def list_denials(request: HttpRequest) -> TemplateResponse:
    now = timezone.now()
    form = DenialFilterForm(request.GET)
    filters = form.read()
    found = denials.denials(
        request.user,
        filters,
        today=now.date(),
        cursor_text=request.GET.get("cursor", ""),
    )
    context = {
        "nav": "denials",
        "now": now,
        "today": now.date(),
        "form": form,
        "filters": filters,
        "found": found,
        "is_behind": found.recorded.is_behind(now.date()),
        "types": DeniedBy.choices,
        "windows": denials.WINDOWS,
        "query": web.query(request.GET),
        "previous_query": web.query(request.GET, cursor=found.rows.previous_cursor),
        "next_query": web.query(request.GET, cursor=found.rows.next_cursor),
    }
    return web.page(request, "invariants/denial_list.html", context, partial="results")
