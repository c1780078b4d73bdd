"""What was collected, and asking for it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import trigger_client_event

from findings.queries import event_feed, quarantine, upkeep
from invariants.queries import register
from inventory import web
from inventory.access import AnyUser
from inventory.models import CollectionRun
from inventory.queries import runs
from posture import forms, tasks
from posture.queries import days

# A worker takes a task within seconds; after this long nobody is there to take it.
_NO_WORKER_AFTER = timedelta(seconds=60)


@require_GET
@vary_on_headers("HX-Request")
def sync(request: HttpRequest) -> TemplateResponse:
    source, state = forms.ScopeFilterForm(request.GET).read()
    found = runs.scopes(request.user, source=source, state=state)
    context = {
        **_progress(request.user, request.GET, now=timezone.now()),
        "nav": "sync",
        "source": source,
        "state": state,
        "states": CollectionRun.State.choices,
        "freshness": runs.freshness(request.user),
        "sources": runs.sources(request.user),
        "scopes": found,
        "gaps": [scope for scope in found if scope.is_problem],
        "scopes_shown": runs.SCOPES_SHOWN,
        "events": event_feed.event_feed(
            request.user, queue_url=settings.POSTURE_EVENT_QUEUE_URL, now=timezone.now()
        ),
        "quarantine": quarantine.quarantine(request.user),
        "held_unread": quarantine.held_unread(request.user),
        "retention": upkeep.retention(request.user),
        "history": runs.history(request.user),
        "refused": [load for load in register.loadings(request.user) if load.is_refused],
        "rolled_up": days.state(),
        "is_sandbox": bool(settings.AWS_ENDPOINT_URL),
    }
    return web.page(request, "posture/sync.html", context, partial="body")


@require_GET
@never_cache
def sync_progress(request: HttpRequest) -> HttpResponse:
    """What the sync page polls while a collection runs; its end makes the page read itself again."""
    context = _progress(request.user, request.GET, now=timezone.now())
    response = TemplateResponse(request, "posture/sync.html#progress", context)
    if not context["is_polling"]:
        trigger_client_event(response, "collected")
    return response


@require_POST
@permission_required("inventory.collect_now", raise_exception=True)
def collect(request: HttpRequest) -> HttpResponse:
    """Asks a worker to collect; the page then shows how it goes."""
    now = timezone.now()
    # A method of Celery's Django task class, which its stubs do not know.
    tasks.collect.delay_on_commit(  # type: ignore[attr-defined]
        requested_by=request.user.get_username()
    )
    asked = QueryDict(f"asked={int(now.timestamp())}")
    if not web.is_fragment(request):
        return redirect(f"{reverse('posture:sync')}?{asked.urlencode()}")
    return TemplateResponse(
        request, "posture/sync.html#progress", _progress(request.user, asked, now=now)
    )


def _progress(user: AnyUser, query: QueryDict, *, now: datetime) -> dict[str, Any]:
    """`waiting` is "" (nothing asked for), "worker" (not yet taken) or "nobody" (not taken at all)."""
    running = runs.progress(user)
    asked_at = _asked_at(query, now=now)
    waiting = ""
    if running is None and asked_at is not None and not runs.has_started_since(asked_at):
        waiting = "nobody" if now - asked_at > _NO_WORKER_AFTER else "worker"
    return {
        "now": now,
        "progress": running,
        "waiting": waiting,
        "asked": int(asked_at.timestamp()) if asked_at and waiting else "",
        "is_polling": running is not None or waiting == "worker",
    }


def _asked_at(query: QueryDict, *, now: datetime) -> datetime | None:
    """When the page asked for a collection; None unless it was in the last hour."""
    text = query.get("asked", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        return None
    asked_at = datetime.fromtimestamp(int(text), tz=UTC)
    return asked_at if timedelta(0) <= now - asked_at < timedelta(hours=1) else None
