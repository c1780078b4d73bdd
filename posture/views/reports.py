"""Scorecards as files: asked for, made by a worker, fetched by whoever asked."""

from datetime import date
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from inventory import web
from inventory.models import OrganizationalUnit
from posture import tasks
from posture.actions import reports as actions
from posture.models import Report
from posture.queries import reports

_TYPES = {"PDF": "application/pdf", "CSV": "text/csv; charset=utf-8"}
_UNDER_WAY = (Report.State.WAITING, Report.State.RUNNING)


@require_GET
@never_cache
def report_list(request: HttpRequest) -> TemplateResponse:
    """Polls itself while one is being made."""
    return web.page(request, "posture/report_list.html", _context(request), partial="made")


@require_POST
def report_ask(request: HttpRequest, ou_id: str) -> HttpResponseBase:
    now = timezone.now()
    ou = OrganizationalUnit.objects.visible_to(request.user).filter(ou_id=ou_id).first()
    if ou is None or not isinstance(request.user, User):
        raise Http404
    try:
        day = _day(request.POST.get("as_of", ""), today=now.date())
        report = actions.ask_for_report(
            request.user, ou, day=day, kind=request.POST.get("format", "")
        )
    except ValueError:
        messages.error(request, "A report is a PDF or a CSV, of a day such as 2026-11-22.")
        return redirect("posture:scorecard", ou_id=ou_id)
    tasks.make_report.delay_on_commit(report_id=report.pk)  # type: ignore[attr-defined]
    return redirect("posture:reports")


@require_GET
@never_cache
def report_file(request: HttpRequest, pk: int) -> HttpResponse:
    report = reports.report(request.user, pk)
    if report is None or report.content is None:
        raise Http404
    return HttpResponse(
        bytes(report.content),
        content_type=_TYPES[report.format],
        headers={"Content-Disposition": f'attachment; filename="{report.file_name}"'},
    )


def _day(text: str, *, today: date) -> date:
    """:raises ValueError: when it is no day, or one that has not come yet."""
    day = date.fromisoformat(text) if text else today
    if day > today:
        raise ValueError(f"{day} has not come yet")
    return day


def _context(request: HttpRequest) -> dict[str, Any]:
    found = reports.reports(request.user)
    return {
        "nav": "scorecards",
        "now": timezone.now(),
        "reports": found,
        "is_polling": any(one.state in _UNDER_WAY for one in found),
    }
