"""The list of invariants, and its export."""

from collections.abc import Iterable, Iterator

from django.http import HttpRequest, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from findings.models import Area
from invariants.forms.filters import InvariantFilterForm
from invariants.models import Invariant
from invariants.queries import listing, register
from inventory import spreadsheets, web


@require_GET
@vary_on_headers("HX-Request")
def invariant_list(request: HttpRequest) -> TemplateResponse:
    now = timezone.now()
    form = InvariantFilterForm(request.GET)
    filters = form.read()
    context = {
        "nav": "invariants",
        "now": now,
        "form": form,
        "filters": filters,
        "found": listing.catalogue(request.user, filters, now=now),
        "refused": [one for one in register.loadings(request.user) if one.is_refused],
        "areas": Area.choices,
        "states": Invariant.State.choices,
        "coverages": listing.COVERAGE.items(),
        "query": web.query(request.GET),
    }
    return web.page(request, "invariants/invariant_list.html", context, partial="results")


@require_GET
def invariants_csv(request: HttpRequest) -> StreamingHttpResponse:
    now = timezone.now()
    filters = InvariantFilterForm(request.GET).read()
    found = listing.catalogue(request.user, filters, now=now)
    name = f"invariants-{now.date().isoformat()}.csv"
    return csv_file(name, listing.HEADS, listing.records(found))


def csv_file(
    name: str, heads: tuple[str, ...], records: Iterable[tuple[object, ...]]
) -> StreamingHttpResponse:
    """Lines as they are read, for a spreadsheet; nothing between keeps them."""

    def lines() -> Iterator[str]:
        yield spreadsheets.line(heads)
        for record in records:
            yield spreadsheets.line(record)

    return StreamingHttpResponse(
        lines(),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )
