"""Errors outside of any view: a page for people, problem details for programs."""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views import defaults
from django.views.decorators.http import require_GET

from inventory.api import problems
from posture.views.people import forbidden as page_of_403

_API: Final = "/api/"
_BAD: Final = "The request could not be read: its host, size or form is wrong."
_GONE: Final = "There is nothing here, or nothing that you may see. /api/v1/ lists what there is."
_NOT_YOURS: Final = "You do not have the right to do this."


@require_GET
def api_docs(request: HttpRequest) -> TemplateResponse:
    """The API as a page, to read and to try out: the requests are those of the person's session."""
    context = {"nav": "api", "now": timezone.now()}
    return TemplateResponse(request, "api/docs.html", context)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 400, _BAD, lambda: defaults.bad_request(request, exception))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 403, _NOT_YOURS, lambda: page_of_403(request, exception))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 404, _GONE, lambda: defaults.page_not_found(request, exception))


def _answer(
    request: HttpRequest, status: int, detail: str, page: Callable[[], HttpResponse]
) -> HttpResponse:
    if request.path.startswith(_API):
        return problems.response(request, status, detail=detail)
    return page()
