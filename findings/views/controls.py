"""The catalogue of controls and standards."""

from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from findings.models import Area
from findings.queries import controls
from inventory import web


@require_GET
@vary_on_headers("HX-Request")
def control_list(request: HttpRequest) -> TemplateResponse:
    area = request.GET.get("area", "")
    shown = request.GET.get("show", "")
    area = area if area in Area else ""
    shown = shown if shown in controls.SHOWN else ""
    q = request.GET.get("q", "")[:100].replace("\0", "")
    page = controls.controls(
        request.user, area=area, shown=shown, q=q, cursor_text=request.GET.get("cursor", "")
    )
    context = {
        "nav": "findings",
        "now": timezone.now(),
        "overview": controls.overview(request.user),
        "page": page,
        "area": area,
        "areas": Area.choices,
        "shown": shown,
        "kinds": controls.SHOWN.items(),
        "q": q,
        "is_narrowed": bool(area or shown or q),
        "previous_query": web.query(request.GET, cursor=page.previous_cursor),
        "next_query": web.query(request.GET, cursor=page.next_cursor),
    }
    return web.page(request, "findings/control_list.html", context, partial="results")


@require_GET
def control_detail(request: HttpRequest, control_id: str) -> TemplateResponse:
    now = timezone.now()
    if "\0" in control_id:
        raise Http404
    found = controls.control(request.user, control_id, today=now.date())
    if found is None:
        raise Http404
    context = {"nav": "findings", "now": now, "control": found}
    return TemplateResponse(request, "findings/control_detail.html", context)
