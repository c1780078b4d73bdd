"""The page where files of findings are uploaded, and which says what came of them."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods

from findings import tasks
from findings.actions import imports
from findings.forms import ImportForm
from findings.queries import imports as queries
from findings.views.uploads import StoringHandler
from inventory.models import Organization


# The check of the token reads the whole request, so it has to wait for the permission and the handler.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def import_list(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return TemplateResponse(request, "findings/import_list.html", _context(request))
    if not request.user.has_perm("findings.import_findings"):
        raise PermissionDenied
    handler = StoringHandler(
        request,
        folder=Path(settings.POSTURE_UPLOAD_DIR),
        max_bytes=settings.POSTURE_UPLOAD_MAX_MB << 20,
    )
    request.upload_handlers = [handler]
    taken: list[str] = []
    try:
        return _upload(request, handler, taken)
    finally:
        handler.discard(keep=tuple(taken))


@require_GET
@never_cache
def import_progress(request: HttpRequest) -> TemplateResponse:
    """What the page polls while a file is being read."""
    return TemplateResponse(request, "findings/import_list.html#imports", _context(request))


@csrf_protect
def _upload(request: HttpRequest, handler: StoringHandler, taken: list[str]) -> HttpResponse:
    """Ask for the import of each file; `taken` gets the stored names that a worker will read."""
    form = ImportForm(request.POST, request.FILES)
    organization = Organization.objects.order_by("pk").first()
    is_good = form.is_valid() and not handler.problems and organization is not None
    if not is_good or organization is None:
        context = _context(request) | {"form": form, "problems": _problems(form, handler)}
        return TemplateResponse(request, "findings/import_list.html", context, status=422)
    now, by = timezone.now(), request.user.get_username()
    for upload in form.cleaned_data["file"]:
        given = imports.GivenFile(upload.name, upload.size, upload.stored_as, form.context())
        row = imports.begin(organization, given, by=by, now=now)
        taken.append(upload.stored_as)
        # A method of Celery's Django task class, which its stubs do not know.
        tasks.import_file.delay_on_commit(import_id=row.pk)  # type: ignore[attr-defined]
    return redirect("findings:import_list")


def _problems(form: ImportForm, handler: StoringHandler) -> list[str]:
    """What is wrong with the files; a file that was passed over is not missing as well."""
    return handler.problems or [str(error) for error in form.errors.get("file", [])]


def _context(request: HttpRequest) -> dict[str, Any]:
    now = timezone.now()
    rows = queries.imports(request.user, now=now)
    return {
        "nav": "findings",
        "now": now,
        "imports": rows,
        "is_polling": any(row.is_unfinished for row in rows),
        "form": ImportForm(),
        "problems": [],
        "max_mb": settings.POSTURE_UPLOAD_MAX_MB,
        "may_import": request.user.has_perm("findings.import_findings"),
        "is_collected": Organization.objects.exists(),
    }
