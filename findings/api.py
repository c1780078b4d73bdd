"""/api/v1/findings/: the findings list for programs, by the same queries as the page."""

from typing import Any, Final

from django.utils import timezone
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from findings import access
from findings.forms import FilterForm
from findings.models import Finding
from findings.queries import counts, export, listing
from findings.queries.counts import Facet

_ORDER: Final = "worst"


class MayReadFindings(IsAuthenticated):
    """Signed in, with the right to read findings."""

    message = str(access.MayNotRead())

    def has_permission(self, request: Request, view: APIView) -> bool:
        return super().has_permission(request, view) and access.may_read(request.user)


class FindingList(APIView):
    """GET one page of findings, with the filters, order and cursor of the page's own address.

    Returns {total, is_exact, messages, facets, next, previous, results}: `results` have the fields of
    the export; `next` and `previous` are cursors, "" where there is no such page; `messages` name what
    was wrong in the query and left out. Facets that are long hold no values here.
    """

    http_method_names = ["get", "head", "options"]
    permission_classes = (MayReadFindings,)

    def get(self, request: Request) -> Response:
        now = timezone.now()
        user = request.user
        form = FilterForm(request.query_params, user=user)
        filters, values = form.read()
        summary = counts.summary(user, filters, now=now)
        page = listing.findings(
            user,
            filters,
            order=values.get("sort") or _ORDER,
            cursor_text=values.get("cursor") or "",
            now=now,
            summary=summary,
        )
        keys = [row.pk for row in page.rows]
        found = export.records(Finding.objects.visible_to(user).filter(pk__in=keys))
        names = list(export.FIELDS)
        by_key = {record[0]: dict(zip(names, record, strict=True)) for record in found}
        return Response(
            {
                "total": summary.total.findings,
                "is_exact": summary.total.is_exact,
                "messages": list(form.messages),
                "facets": {facet.name: _choices(facet) for facet in summary.facets},
                "next": page.next_cursor,
                "previous": page.previous_cursor,
                "results": [by_key[key] for key in keys if key in by_key],
            }
        )


def _choices(facet: Facet) -> list[dict[str, Any]]:
    return [
        {"value": choice.value, "label": choice.label, "findings": choice.findings}
        for choice in facet.choices
    ]
