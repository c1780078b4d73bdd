"""Controls that keep failing where an invariant would leave them nothing to fail on."""

from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from findings.models import Area
from invariants.forms.denials import CandidateFilterForm
from invariants.queries import candidates
from inventory import web


@require_GET
@vary_on_headers("HX-Request")
def list_candidates(request: HttpRequest) -> TemplateResponse:
    form = CandidateFilterForm(request.GET)
    area, is_without = form.word("area"), bool(form.word("without"))
    context = {
        "nav": "candidates",
        "now": timezone.now(),
        "form": form,
        "area": area,
        "is_without": is_without,
        "is_narrowed": bool(area) or is_without,
        "areas": Area.choices,
        "days": candidates.DAYS,
        "found": candidates.candidates(request.user, area=area, is_without=is_without),
    }
    return web.page(request, "invariants/candidate_list.html", context, partial="results")
