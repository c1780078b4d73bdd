"""The whole record of an exception, for an auditor."""

import json
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from invariants import reports
from invariants.models import ExceptionRequest
from invariants.queries.exceptions.finding import by_ref
from invariants.queries.exceptions.record import record_of


@require_GET
def record_pdf(request: HttpRequest, ref: str) -> HttpResponse:
    """Made at once; what it says is that moment's."""
    now = timezone.now()
    content = reports.record_pdf(_record(request, ref, now=now), made_at=now)
    return _file(content, "application/pdf", f"{ref}.pdf")


@require_GET
def record_json(request: HttpRequest, ref: str) -> HttpResponse:
    record = _record(request, ref, now=timezone.now())
    text = json.dumps(record, ensure_ascii=False, indent=1)
    return _file(text.encode(), "application/json", f"{ref}.json")


def _record(request: HttpRequest, ref: str, *, now: datetime) -> dict[str, Any]:
    try:
        found = by_ref(request.user, ref)
    except ExceptionRequest.DoesNotExist:
        raise Http404 from None
    return record_of(request.user, found, now=now)


def _file(content: bytes, content_type: str, name: str) -> HttpResponse:
    return HttpResponse(
        content,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
