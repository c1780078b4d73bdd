"""Invariants by OU, and the export of that."""

from django.http import HttpRequest, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from findings.models import Area
from invariants.forms.filters import DEPTHS, InvariantFilterForm, MatrixForm
from invariants.models import Invariant
from invariants.queries import coverage, listing
from invariants.queries import matrix as queries
from invariants.views.listing import csv_file
from inventory import web
from inventory.queries import tree

# An export has room for every OU.
_EVERY = 100_000


@require_GET
@vary_on_headers("HX-Request")
def matrix(request: HttpRequest) -> TemplateResponse:
    filter_form, form = InvariantFilterForm(request.GET), MatrixForm(request.GET, user=request.user)
    filters = filter_form.read()
    ou, depth = form.read()
    context = {
        "nav": "invariants",
        "now": timezone.now(),
        "messages_of_form": (*form.messages, *filter_form.messages),
        "filters": filters,
        "found": queries.matrix(request.user, filters, ou=ou, depth=depth),
        "evaluated_at": coverage.evaluated_at(request.user),
        "ou": ou,
        "ous": tree.ou_choices(request.user),
        "depth": depth,
        "depths": DEPTHS,
        "areas": Area.choices,
        "states": Invariant.State.choices,
        "coverages": listing.COVERAGE.items(),
        "query": web.query(request.GET),
    }
    return web.page(request, "invariants/matrix.html", context, partial="results")


@require_GET
def matrix_csv(request: HttpRequest) -> StreamingHttpResponse:
    ou, depth = MatrixForm(request.GET, user=request.user).read()
    filters = InvariantFilterForm(request.GET).read()
    found = queries.matrix(request.user, filters, ou=ou, depth=depth, most_columns=_EVERY)
    name = f"invariants-by-ou-{timezone.now().date().isoformat()}.csv"
    return csv_file(name, queries.HEADS, queries.records(found))
