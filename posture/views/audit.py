"""The audit log: its page, one entry, and its exports."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final

from django.contrib.auth.decorators import permission_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from inventory import spreadsheets, web
from posture.actions import audit
from posture.forms import audit as forms
from posture.models import AuditEntry
from posture.policies import roles
from posture.queries.audit import exports, listing

READ: Final = permission_required(roles.READ_AUDIT, raise_exception=True)
_LINES_AT_ONCE: Final = 500


@require_GET
@READ
@vary_on_headers("HX-Request")
@never_cache
def audit_log(request: HttpRequest) -> TemplateResponse:
    asked = forms.asked(request.GET)
    page = listing.page(request.user, asked, cursor_text=request.GET.get("cursor", ""))
    context = {
        "nav": "audit",
        "now": timezone.now(),
        "page": page,
        "asked": asked,
        "events": listing.events(),
        "kinds": forms.KINDS,
        "query": web.query(request.GET),
        "previous_query": web.query(request.GET, cursor=page.previous_cursor),
        "next_query": web.query(request.GET, cursor=page.next_cursor),
    }
    return web.page(request, "posture/audit_list.html", context, partial="results")


@require_GET
@READ
@never_cache
def audit_entry(request: HttpRequest, pk: int) -> TemplateResponse:
    entry = listing.entry(request.user, pk)
    if entry is None:
        raise Http404
    context = {"nav": "audit", "now": timezone.now(), "entry": entry}
    return TemplateResponse(request, "posture/audit_entry.html", context)


@require_GET
@READ
def audit_csv(request: HttpRequest) -> StreamingHttpResponse:
    return _download(request, _csv_lines, kind="csv", content_type="text/csv; charset=utf-8")


@require_GET
@READ
def audit_ndjson(request: HttpRequest) -> StreamingHttpResponse:
    """One entry a line with its hash, as `verify_audit --file` checks it."""
    return _download(request, exports.lines, kind="ndjson", content_type="application/x-ndjson")


def _download(
    request: HttpRequest,
    lines: Callable[["QuerySet[AuditEntry]"], Iterator[str]],
    *,
    kind: str,
    content_type: str,
) -> StreamingHttpResponse:
    now, asked = timezone.now(), forms.asked(request.GET)
    rows = listing.entries(request.user, asked)
    # Who takes the log out of the house is in the log.
    audit.record("audit_exported", actor=None, subject=kind, details=asked.as_details(), now=now)
    return StreamingHttpResponse(
        # Without the entry of this very export, which tells of the words that were searched for.
        _joined(lines(rows.exclude(event="audit_exported", at=now))),
        content_type=content_type,
        headers={
            "Content-Disposition": f'attachment; filename="audit-{now:%Y-%m-%d-%H%M}.{kind}"',
            "Cache-Control": "private, no-store",
        },
    )


def _csv_lines(rows: "QuerySet[AuditEntry]") -> Iterator[str]:
    yield spreadsheets.line(exports.FIELDS)
    for record in exports.records(rows):
        yield spreadsheets.line(record)


def _joined(lines: Iterable[str]) -> Iterator[str]:
    left: Iterator[Any] = iter(lines)
    while some := "".join(islice(left, _LINES_AT_ONCE)):
        yield some
