"""Words, files and milestones on a request."""

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.files.storage import storages
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from invariants.actions import exceptions as actions
from invariants.actions.exceptions import By, filing
from invariants.models import ExceptionEvidence, ExceptionRequest
from invariants.policies.exceptions import NotAllowed
from invariants.queries.exceptions import people as queries
from invariants.queries.exceptions import standing
from invariants.views.exceptions.detail import request_of, shown
from inventory import web
from inventory.clients import client_address


@require_POST
@vary_on_headers("HX-Request")
def comment(request: HttpRequest, ref: str) -> HttpResponseBase:
    item = request_of(request, ref)
    # PostgreSQL takes no NUL, and nobody can have meant one.
    text = request.POST.get("text", "").replace("\0", "")
    try:
        actions.comment(_by(request), item.pk, text, now=timezone.now())
    except NotAllowed as error:
        return shown(request, item, problem="comment", problems=error.missing, text=text)
    return _back(request, item, "comments")


@require_GET
def people(request: HttpRequest, ref: str) -> TemplateResponse:
    """Whom a comment can mention, by what was typed behind the @."""
    item = request_of(request, ref)
    words = request.GET.get("q", "").replace("\0", "")[:60]
    found = queries.to_mention(request.user, item, words)
    return TemplateResponse(request, "exceptions/_people.html", {"people": found})


@require_POST
@vary_on_headers("HX-Request")
def milestone(request: HttpRequest, ref: str, pk: str) -> HttpResponseBase:
    item = request_of(request, ref)
    now = timezone.now()
    today = standing.moment_of(item.organization, now).today
    try:
        actions.finish_milestone(_by(request), item.pk, int(pk), done_on=today, now=now)
    except NotAllowed as error:
        return shown(request, item, problem="milestone", problems=error.missing)
    return _back(request, item, "milestones")


@require_POST
@vary_on_headers("HX-Request")
def evidence(request: HttpRequest, ref: str) -> HttpResponseBase:
    item = request_of(request, ref)
    upload = request.FILES.get("file")
    try:
        if upload is None:
            raise NotAllowed(("Choose a file.",))
        kept = filing.keep(_by(request), item.pk, upload, now=timezone.now())
    except NotAllowed as error:
        return shown(request, item, problem="evidence", problems=error.missing)
    messages.success(request, f"{kept.name} is kept with the record")
    return _back(request, item, "evidence")


@require_GET
def evidence_file(request: HttpRequest, ref: str, pk: str) -> FileResponse:
    """The file, to be stored: a browser is told to show and to run nothing of it."""
    item = request_of(request, ref)
    row = ExceptionEvidence.objects.filter(request=item, pk=int(pk)).first()
    if row is None:
        raise Http404
    try:
        content = storages[filing.STORAGE].open(row.stored_as)
    except FileNotFoundError as error:
        raise Http404 from error
    answer = FileResponse(
        content, as_attachment=True, filename=row.name, content_type="application/octet-stream"
    )
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    answer["Cache-Control"] = "private, no-store"
    return answer


def _by(request: HttpRequest) -> By:
    if not isinstance(request.user, User):
        raise PermissionDenied("Sign in first.")
    return By(request.user, address=client_address(request))


def _back(request: HttpRequest, item: ExceptionRequest, part: str) -> HttpResponseBase:
    """To that part of the page, beside the list as it was."""
    query = web.query(request.GET)
    address = reverse("exceptions:detail", args=[item.ref])
    return redirect(f"{address}{f'?{query}' if query else ''}#{part}")
