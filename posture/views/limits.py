"""What is too large, takes too long or breaks is answered with a page that says so."""

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from psycopg.errors import QueryCanceled

from invariants.policies.exceptions.filing import BIGGEST
from inventory.api import problems

GetResponse = Callable[[HttpRequest], HttpResponseBase]

_RETRY_SECONDS: Final = 30
_TITLES: Final[Mapping[int, str]] = {
    400: "Bad request",
    413: "Too large",
    500: "Something broke",
    503: "Not now",
}
TOO_LONG: Final = (
    "The database took too long over this. Ask for less at once (a shorter time, one OU), or try "
    "again in a moment."
)
UNREACHABLE: Final = "The database does not answer. Try again in a moment."
BROKEN: Final = "The server could not answer; the reason is in its log. Try again in a moment."
_NO_LENGTH: Final = "The length of this request is no number."


class Limits:
    """Refuses a request by the length that it names, before anything reads it.

    A request without a length has no body for us: the server reads nothing beyond it.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        named = str(request.META.get("CONTENT_LENGTH") or "0")
        if not (named.isascii() and named.isdecimal()):
            return refusal(request, 400, _NO_LENGTH)
        most = _most_bytes(request)
        return refusal(request, 413, _too_large(most)) if int(named) > most else None


def broken(request: HttpRequest) -> HttpResponse:
    """What is answered when something raised: 503 where the database took too long or is gone."""
    error = sys.exc_info()[1]
    if isinstance(error, OperationalError):
        is_slow = isinstance(error.__cause__, QueryCanceled)
        return refusal(request, 503, TOO_LONG if is_slow else UNREACHABLE)
    return refusal(request, 500, BROKEN)


def _most_bytes(request: HttpRequest) -> int:
    """What the request may hold. The page of imports takes several files; each has its own limit there."""
    match = request.resolver_match
    if match is not None and match.view_name == "findings:import_list":
        return 2 * settings.POSTURE_UPLOAD_MAX_MB << 20
    if match is not None and match.view_name == "exceptions:evidence":
        # The file, and the form around it.
        return BIGGEST + (1 << 20)
    return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0)


def _too_large(most: int) -> str:
    size = f"{most >> 20} MB" if most >= 1 << 20 else f"{most >> 10} kB"
    return f"This takes {size} at once. Send less, or in parts."


def refusal(request: HttpRequest, status: int, why: str) -> HttpResponse:
    """A page, or for a program problem details. Nothing is read from the database for it."""
    headers = {"Retry-After": str(_RETRY_SECONDS)} if status == 503 else {}
    title = _TITLES[status]
    if request.path.startswith("/api/"):
        problem = problems.response(request, status, title=title, detail=why)
        for name, value in headers.items():
            problem[name] = value
        return problem
    page = render_to_string("refused.html", {"status": status, "title": title, "why": why})
    return HttpResponse(page, status=status, headers=headers)
