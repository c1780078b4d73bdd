"""Invariants as files, and policies of AWS as drafts of invariants. The text of policies is for people who
see the whole organisation."""

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from invariants.models import Invariant
from invariants.queries import adoptable
from inventory import access
from inventory.queries import tree


@require_GET
def invariant_export(request: HttpRequest, key: str, form: str) -> HttpResponseBase:
    """The policy for AWS, Terraform or CloudFormation; 409 while it has example values."""
    _check_sees_policies(request)
    invariant = Invariant.objects.visible_to(request.user).filter(key=key).order_by("pk").first()
    if invariant is None:
        raise Http404
    # Takes a second to import, which no other page is to wait for.
    from invariants.queries import exporting  # noqa: PLC0415

    try:
        found = exporting.export(invariant, form)
    except exporting.NotExportable as error:
        return _refused(request, "This policy cannot be exported yet", f"{error}.")
    return _file(found.name, found.media_type, found.text)


@require_GET
def invariant_pack(request: HttpRequest, form: str) -> HttpResponseBase:
    """All enforced invariants as one file; 409 while one of them has example values."""
    _check_sees_policies(request)
    organization = tree.organization()
    if organization is None:
        raise Http404
    from invariants.queries import exporting  # noqa: PLC0415

    try:
        found = exporting.pack(organization, form)
    except exporting.NotExportable as error:
        return _refused(request, "The enforced invariants cannot be packed yet", f"{error}.")
    return _file(found.name, found.media_type, found.text)


@require_GET
def adopt_list(request: HttpRequest) -> TemplateResponse:
    _check_sees_policies(request)
    context = {
        "nav": "invariants",
        "now": timezone.now(),
        "rows": adoptable.adoptable(request.user),
    }
    return TemplateResponse(request, "invariants/adopt_list.html", context)


@require_GET
def adopt(request: HttpRequest, policy_id: str) -> HttpResponseBase:
    """The draft of an invariant that a policy of AWS makes, as a page or (?download=1) as its file."""
    _check_sees_policies(request)
    policy = adoptable.find(request.user, policy_id)
    if policy is None:
        raise Http404
    from invariants.queries import exporting  # noqa: PLC0415

    try:
        draft = exporting.draft_of(policy)
    except exporting.NotImportable as error:
        return _refused(request, "This policy cannot be adopted", f"{error}.")
    if request.GET.get("download"):
        return _file(draft.file_name, "application/yaml; charset=utf-8", draft.text)
    context = {
        "nav": "invariants",
        "now": timezone.now(),
        "policy": policy,
        "draft": draft,
        "to_write": exporting.to_write(draft),
    }
    return TemplateResponse(request, "invariants/adopt.html", context)


def _check_sees_policies(request: HttpRequest) -> None:
    """:raises PermissionDenied: for people who do not see the whole organisation."""
    if not access.scope_of(request.user).everything:
        raise PermissionDenied(
            "The text of policies is for people who see the whole organisation: it names accounts and "
            "roles of others."
        )


def _file(name: str, media_type: str, text: str) -> HttpResponse:
    return HttpResponse(
        text,
        content_type=media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )


def _refused(request: HttpRequest, title: str, why: str) -> TemplateResponse:
    values = {"status": 409, "title": title, "why": why}
    return TemplateResponse(request, "refused.html", values, status=409)
