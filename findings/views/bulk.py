"""Bulk changes of workflow: what is asked, how it goes, and the way back."""

from typing import Any, Final

from celery import current_app
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import trigger_client_event

from findings.actions import bulk as actions
from findings.forms import BulkForm, FilterForm, SelectionForm
from findings.models import BulkAction, Finding
from findings.queries import bulk, listing
from findings.views.listing import back_to_list, clean_query
from inventory import web

TASK: Final = "findings.write_back"
_MAX_SELECTION: Final = 20_000
# What writes a workflow, by the API that the installation reads.
_OPERATIONS: Final = {"v1": "BatchUpdateFindings", "v2": "BatchUpdateFindingsV2"}


@require_GET
@permission_required("findings.triage", raise_exception=True)
def new_bulk_action(request: HttpRequest) -> HttpResponseBase:
    """Says what would change, before anything does."""
    if SelectionForm(request.GET).is_empty:
        messages.warning(request, "No finding was selected.")
        return back_to_list(request.GET.urlencode())
    return _confirmation(request, request.GET, BulkForm())


@require_http_methods(["GET", "POST"])
@permission_required("findings.triage", raise_exception=True)
def bulk_actions(request: HttpRequest) -> HttpResponseBase:
    """The person's own bulk actions; posting to it asks for one."""
    if request.method == "POST":
        return _ask(request)
    context = {
        "nav": "findings",
        "now": timezone.now(),
        "actions": bulk.recent(_person(request)),
        "is_on": settings.POSTURE_WRITE_BACK,
    }
    return TemplateResponse(request, "findings/bulk_list.html", context)


@require_GET
@never_cache
@permission_required("findings.triage", raise_exception=True)
@vary_on_headers("HX-Request")
def bulk_action(request: HttpRequest, pk: int) -> HttpResponseBase:
    """How a bulk action goes; the page asks again until it has ended."""
    progress = bulk.progress(_person(request), pk)
    if progress is None:
        raise Http404
    context = {"nav": "findings", "now": timezone.now(), "progress": progress}
    response = web.page(request, "findings/bulk_detail.html", context, partial="progress")
    if web.is_fragment(request) and progress.is_over:
        trigger_client_event(response, "toast", _toast(progress))
    return response


@require_POST
@permission_required("findings.triage", raise_exception=True)
def undo_bulk_action(request: HttpRequest, pk: int) -> HttpResponseBase:
    try:
        undoing = actions.undo(_person(request), pk, now=timezone.now())
    except BulkAction.DoesNotExist as e:
        raise Http404 from e
    except actions.CannotUndo as e:
        messages.error(request, str(e))
        return redirect("findings:bulk_action", pk=pk)
    _enqueue(undoing)
    return redirect("findings:bulk_action", pk=undoing.pk)


def _ask(request: HttpRequest) -> HttpResponseBase:
    chosen = QueryDict(request.POST.get("selection", "")[:_MAX_SELECTION])
    form = BulkForm(request.POST)
    if SelectionForm(chosen).is_empty or not form.is_valid() or not settings.POSTURE_WRITE_BACK:
        return _confirmation(request, chosen, form)
    rows = _rows(request, chosen)
    if str(bulk.selection(rows).findings) != request.POST.get("expected"):
        form.add_error(None, "The list has changed in the meantime. Please look at it once more.")
        return _confirmation(request, chosen, form)
    try:
        action = actions.request(
            _person(request),
            rows,
            workflow=form.cleaned_data["workflow"],
            note=form.cleaned_data["note"],
            query=clean_query(chosen.urlencode()) if SelectionForm(chosen).is_everything else "",
            now=timezone.now(),
        )
    except (actions.NothingToDo, actions.TooMany) as e:
        form.add_error(None, str(e))
        return _confirmation(request, chosen, form)
    _enqueue(action)
    return redirect("findings:bulk_action", pk=action.pk)


def _confirmation(request: HttpRequest, chosen: QueryDict, form: BulkForm) -> TemplateResponse:
    context: dict[str, Any] = {
        "nav": "findings",
        "form": form,
        "problems": form.problems if form.is_bound else (),
        "selection": bulk.selection(_rows(request, chosen)),
        "workflows": bulk.WORKFLOWS,
        "chosen": chosen.urlencode(),
        "query": clean_query(chosen.urlencode()),
        "max_items": bulk.MAX_ITEMS,
        "operation": _OPERATIONS[settings.POSTURE_SECURITY_HUB_API],
        "is_on": settings.POSTURE_WRITE_BACK,
        "is_sandbox": bool(settings.AWS_ENDPOINT_URL),
    }
    status = 422 if form.is_bound else 200
    return TemplateResponse(request, "findings/bulk_new.html", context, status=status)


def _rows(request: HttpRequest, chosen: QueryDict) -> "QuerySet[Finding]":
    """The chosen findings, as far as the person may see them."""
    selection = SelectionForm(chosen)
    if selection.is_everything:
        filters, _ = FilterForm(chosen, user=request.user).read()
        return listing.matching(request.user, filters, now=timezone.now())
    return Finding.objects.visible_to(request.user).filter(pk__in=selection.ids)


def _enqueue(action: BulkAction) -> None:
    """Hands the action to a worker; one that gets lost on the way is found again by the rescue."""
    arguments = {"action_id": action.pk}
    transaction.on_commit(lambda: current_app.send_task(TASK, kwargs=arguments), robust=True)


def _toast(progress: bulk.Progress) -> dict[str, str | bool]:
    if progress.failed or progress.error:
        return {"text": f"{progress.failed:,} of {progress.total:,} failed", "kind": "bad"}
    text = f"{progress.done:,} set to {progress.what}"
    return {"text": text, "kind": "ok", "undo": bool(progress.restorable)}


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user
