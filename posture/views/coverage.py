"""Where the security services are on."""

from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from inventory.queries import runs
from posture import forms
from posture.queries import coverage as queries


@require_GET
def coverage(request: HttpRequest) -> TemplateResponse:
    now = timezone.now()
    ou_id, column, number = forms.CoverageForm(request.GET).read()
    page = queries.heat(request.user, ou_id)
    if page is None:
        raise Http404
    # Whoever sees no OU as a whole sees accounts at once.
    if column is None and (page.ou is not None or not page.rows[0].ou_id):
        column = queries.SERVICES[0]
    drilled = None
    if column is not None:
        drilled = queries.drill(request.user, page.path, column, page=number)
    context = {
        "nav": "coverage",
        "now": now,
        "page": page,
        "drilled": drilled,
        "freshness": runs.freshness(request.user),
    }
    return TemplateResponse(request, "posture/coverage.html", context)
