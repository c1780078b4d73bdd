"""The edit of the policy that puts an exception in place, or takes it out."""

from typing import Final

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from invariants.models import ExceptionRequest
from invariants.queries.exceptions import finding
from invariants.queries.exceptions import policy_edit as queries
from inventory import access, web

_APPROVED: Final = "approved"


@require_GET
@vary_on_headers("HX-Request")
def policy_edit(request: HttpRequest, ref: str) -> TemplateResponse:
    """The edit itself, which the page of the request loads when it stands; or a page of its own."""
    now = timezone.now()
    shown = queries.shown(request.user, _request_of(request, ref), now=now)
    name = "_policy_edit_body" if web.is_fragment(request) else "policy_edit"
    context = {"nav": "exceptions", "now": now, "shown": shown}
    return TemplateResponse(request, f"exceptions/{name}.html", context)


@require_GET
def edit_file(request: HttpRequest, ref: str, form: str) -> HttpResponseBase:
    """The edit as a diff, as Terraform or as JSON; `?which=approved` as it was approved. 409 where none
    can be made."""
    if not access.scope_of(request.user).everything:
        raise PermissionDenied(
            "The text of policies is for people who see the whole organisation: it names accounts and "
            "roles of others."
        )
    item = _request_of(request, ref)
    if request.GET.get("which") == _APPROVED:
        content, refused = queries.approved(request.user, item), None
    else:
        content, refused = queries.current(item, now=timezone.now())
    if not content:
        why = (
            f"{refused.why} {refused.instead}" if refused else "No edit was kept with an approval."
        )
        values = {"status": 409, "title": "There is no edit to download", "why": why}
        return TemplateResponse(request, "refused.html", values, status=409)
    found = queries.file_of(item.ref, content, form)
    return HttpResponse(
        found.text,
        content_type=found.media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{found.name}"',
            "Cache-Control": "private, no-store",
        },
    )


def _request_of(request: HttpRequest, ref: str) -> ExceptionRequest:
    try:
        return finding.by_ref(request.user, ref)
    except ExceptionRequest.DoesNotExist as error:
        raise Http404 from error
