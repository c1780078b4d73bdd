"""The filtered list as CSV or JSON, streamed: the same rows in the same order as the page."""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from findings.forms import FilterForm, SelectionForm
from findings.models import Finding
from findings.queries import export, listing
from findings.views.listing import DEFAULT_ORDER
from inventory import spreadsheets

_LINES_AT_ONCE: Final = 500


@require_GET
def export_csv(request: HttpRequest) -> StreamingHttpResponse:
    return _download(request, _csv_lines, kind="csv", content_type="text/csv; charset=utf-8")


@require_GET
def export_json(request: HttpRequest) -> StreamingHttpResponse:
    """An array with one finding a line: where it was cut off, it is no valid JSON."""
    return _download(request, _json_lines, kind="json", content_type="application/json")


def _download(
    request: HttpRequest,
    lines: Callable[[Iterable[tuple[Any, ...]]], Iterator[str]],
    *,
    kind: str,
    content_type: str,
) -> StreamingHttpResponse:
    now = timezone.now()
    records = export.records(_rows(request, now=now))
    name = f"findings-{now:%Y-%m-%d-%H%M}.{kind}"
    return StreamingHttpResponse(
        _joined(lines(records)),
        content_type=content_type,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )


def _rows(request: HttpRequest, *, now: datetime) -> "QuerySet[Finding]":
    """The findings of the list in its order, or only the selected ones."""
    filters, values = FilterForm(request.GET, user=request.user).read()
    selection = SelectionForm(request.GET)
    rows: QuerySet[Finding]
    if selection.ids and not selection.is_everything:
        rows = Finding.objects.visible_to(request.user).filter(pk__in=selection.ids)
    else:
        rows = listing.matching(request.user, filters, now=now)
    return listing.ordered(rows, values.get("sort") or DEFAULT_ORDER)


def _joined(lines: Iterator[str]) -> Iterator[str]:
    """Several lines at once: sending each by itself would cost more than making it."""
    while some := "".join(islice(lines, _LINES_AT_ONCE)):
        yield some


def _csv_lines(records: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    yield spreadsheets.line(export.FIELDS)
    for record in records:
        yield spreadsheets.line(record)


def _json_lines(records: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    before = "[\n"
    for record in records:
        text = json.dumps(dict(zip(export.FIELDS, record, strict=True)), ensure_ascii=False)
        yield f"{before}{text}"
        before = ",\n"
    yield "\n]\n" if before == ",\n" else "[]\n"
