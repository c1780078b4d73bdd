"""The quarantine: findings that could not be taken in, and the button that tries again."""

import json
from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from findings.models import UpkeepRun
from findings.queries import quarantine
from findings.queries.quarantine import Retry
from findings.views.detail import MAX_ID
from inventory import web
from inventory.access import AnyUser

RETRY_TASK = "findings.retry_quarantine"
# A worker that is there takes a task within seconds.
_NO_WORKER_AFTER = timedelta(seconds=30)


@require_GET
@vary_on_headers("HX-Request")
def quarantine_list(request: HttpRequest) -> TemplateResponse:
    """By source and reason; with these in the address, the findings themselves."""
    _admit(request.user)
    now = timezone.now()
    source = request.GET.get("source", "")[:20].replace("\0", "")
    reason = request.GET.get("reason", "").replace("\0", "")
    is_opened = bool(source or reason)
    page = None
    if is_opened:
        page = quarantine.items(
            request.user,
            source=source,
            reason=reason,
            cursor_text=request.GET.get("cursor", ""),
        )
    context = {
        **_progress(request.user, now=now),
        "source": source,
        "source_label": quarantine.source_label(source),
        "reason": reason,
        "lines": () if is_opened else quarantine.quarantine(request.user),
        "total": quarantine.total(request.user),
        "page": page,
        "query": web.query(request.GET),
        "previous_query": web.query(request.GET, cursor=page.previous_cursor) if page else "",
        "next_query": web.query(request.GET, cursor=page.next_cursor) if page else "",
    }
    return web.page(request, "findings/quarantine.html", context, partial="body")


@require_GET
def quarantine_item(request: HttpRequest, pk: int) -> TemplateResponse:
    _admit(request.user)
    found = quarantine.item(request.user, pk) if pk <= MAX_ID else None
    if found is None:
        raise Http404
    context = {"nav": "sync", "now": timezone.now(), "held": found}
    return TemplateResponse(request, "findings/quarantine_item.html", context)


@require_POST
@permission_required("inventory.collect_now", raise_exception=True)
def retry_quarantine(request: HttpRequest) -> HttpResponse:
    """Asks a worker to read everything in quarantine again; the page then shows how it goes."""
    _admit(request.user)
    now = timezone.now()
    run = UpkeepRun.objects.ask(
        UpkeepRun.Kind.RETRY_QUARANTINE, now=now, by=request.user.get_username()
    )
    if run is not None:
        values = {"run_id": run.pk}
        transaction.on_commit(lambda: current_app.send_task(RETRY_TASK, kwargs=values))
    if not web.is_fragment(request):
        return redirect("findings:quarantine")
    return TemplateResponse(
        request, "findings/quarantine.html#progress", _progress(request.user, now=now)
    )


@require_GET
@never_cache
def retry_progress(request: HttpRequest) -> HttpResponse:
    """The running round, asked for every two seconds; its end is told once, by a toast."""
    _admit(request.user)
    context = _progress(request.user, now=timezone.now())
    response = TemplateResponse(request, "findings/quarantine.html#progress", context)
    retry: Retry | None = context["retry"]
    if retry is not None and not retry.is_unfinished:
        toast = {"text": _result(retry), "kind": "bad" if retry.error else "ok"}
        response["HX-Trigger"] = json.dumps({"toast": toast, "retried": True})
    return response


def _progress(user: AnyUser, *, now: datetime) -> dict[str, Any]:
    retry = quarantine.newest_retry(user, now=now)
    is_waiting = retry is not None and retry.state == UpkeepRun.State.PENDING
    return {
        "nav": "sync",
        "now": now,
        "retry": retry,
        "result": _result(retry) if retry else "",
        "is_polling": retry is not None and retry.is_unfinished and not retry.is_lost,
        "has_no_worker": is_waiting and now - retry.created_at > _NO_WORKER_AFTER
        if retry
        else False,
    }


def _result(retry: Retry) -> str:
    if retry.error:
        return f"The quarantine could not be read again: {retry.error}"
    counts = ", ".join(f"{number:,} {name}" for name, number in retry.counts if number)
    return f"Read again: {counts or 'nothing was held'}"


def _admit(user: AnyUser) -> None:
    if not quarantine.may_see(user):
        raise PermissionDenied
