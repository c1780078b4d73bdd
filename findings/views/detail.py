"""One finding: its page, and the drawer beside the list."""

from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from findings.queries import detail
from inventory import web

# Ids are 64 bits wide; a longer number in the address is no finding.
MAX_ID = 2**63 - 1
DRAWER = "drawer"


@require_GET
@vary_on_headers("HX-Request")
def finding_detail(request: HttpRequest, pk: int) -> TemplateResponse:
    now = timezone.now()
    found = detail.finding(request.user, pk, now=now) if pk <= MAX_ID else None
    if found is None:
        raise Http404
    context = {
        "nav": "findings",
        "now": now,
        "finding": found,
        "query": web.query(request.GET),
        # To send to somebody: without the filters of the list that it was opened from.
        "link": request.build_absolute_uri(reverse("findings:detail", args=[pk])),
    }
    return web.page(request, "findings/finding_detail.html", context, partial=DRAWER)
