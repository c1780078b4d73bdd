"""What every right is and which roles have it, and the page of who lacks one."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from findings.access import MayNotRead
from posture.policies import roles


@require_GET
def rights(request: HttpRequest) -> TemplateResponse:
    """The table, for everybody who is signed in, with one's own rights marked."""
    held = set(request.user.groups.values_list("name", flat=True))
    context = {
        "nav": "rights",
        "now": timezone.now(),
        "roles": [(role, role.name in held) for role in roles.ROLES],
        # Each right, whether one has it, and for each role whether it has.
        "rows": [
            (
                right,
                request.user.has_perm(right.code),
                [(role, right.code in role.rights) for role in roles.ROLES],
            )
            for right in roles.RIGHTS
        ],
    }
    return TemplateResponse(request, "posture/rights.html", context)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The page of a 403; why, where the exception says it for people."""
    why = str(exception) if isinstance(exception, MayNotRead) else ""
    return render(request, "403.html", {"why": why}, status=403)
