"""What went wrong, as programs read it: problem details (RFC 9457)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import set_rollback

MEDIA_TYPE: Final = "application/problem+json"
# Names of problems that a program may want to tell apart where the status does not.
BAD_PARAMETERS: Final = "urn:parapet:problem:bad-parameters"
BAD_BODY: Final = "urn:parapet:problem:bad-body"
NOT_ALLOWED: Final = "urn:parapet:problem:not-allowed"
SECOND_FACTOR: Final = "urn:parapet:problem:second-factor"
PLAIN: Final = "about:blank"
# An error is of this moment and this person: nobody may keep it.
_HEADERS: Final = {"Cache-Control": "private, no-store"}


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with one parameter of the query string, or one field that was sent, and what would
    be right."""

    parameter: str
    detail: str


class BadParameters(APIException):
    """Parameters of the query string that mean nothing here: nothing was left out, nothing guessed."""

    status_code = 400

    def __init__(self, errors: Sequence[Wrong]) -> None:
        super().__init__(" ".join(f"{one.parameter}: {one.detail}" for one in errors))
        self.errors = tuple(errors)


class BadBody(APIException):
    """What was sent is not what is asked for: nothing of it was taken."""

    status_code = 400

    def __init__(self, errors: Sequence[Wrong]) -> None:
        super().__init__(" ".join(f"{one.parameter}: {one.detail}".lstrip(": ") for one in errors))
        self.errors = tuple(errors)


class StepRefused(APIException):
    """It cannot be done where the thing stands, or by this person; `missing` has what is in the way."""

    status_code = 409

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(" ".join(missing))
        self.missing = tuple(missing)


class Stale(APIException):
    """If-Match names an answer that does not hold any more."""

    status_code = 412
    default_detail = (
        "It has changed since the ETag that If-Match names. Read it again, and decide anew."
    )


def handle(exception: Exception, context: Mapping[str, Any]) -> Response | None:
    """The exception handler of the API; None for what nobody expected, which is a 500."""
    if isinstance(exception, Http404):
        exception = exceptions.NotFound(_text(exception) or _MISSING)
    elif isinstance(exception, PermissionDenied):
        exception = exceptions.PermissionDenied(_text(exception) or None)
    if not isinstance(exception, APIException):
        return None
    set_rollback()
    body = _body(exception, instance=context["request"].path)
    return Response(
        body,
        status=exception.status_code,
        headers=_HEADERS | _headers(exception),
        content_type=MEDIA_TYPE,
    )


def response(
    request: HttpRequest, status: int, *, detail: str, title: str = "", kind: str = PLAIN
) -> HttpResponse:
    """A problem found before any resource of the API was reached."""
    body = details(status, detail=detail, title=title, kind=kind, instance=request.path)
    return HttpResponse(json.dumps(body), status=status, headers=_HEADERS, content_type=MEDIA_TYPE)


def details(
    status: int, *, detail: str, instance: str, title: str = "", kind: str = PLAIN
) -> dict[str, Any]:
    return {
        "type": kind,
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": instance,
    }


_MISSING: Final = "There is nothing here, or nothing that you may see."


def _text(exception: Exception) -> str:
    """The words of an exception that were written for people: those of routing are not."""
    first = exception.args[0] if exception.args else ""
    return first if isinstance(first, str) else ""


def _body(exception: APIException, *, instance: str) -> dict[str, Any]:
    if isinstance(exception, BadParameters):
        return {
            **details(
                400,
                kind=BAD_PARAMETERS,
                title="Parameters of the query are wrong",
                detail=str(exception.detail),
                instance=instance,
            ),
            "errors": [
                {"parameter": one.parameter, "detail": one.detail} for one in exception.errors
            ],
        }
    if isinstance(exception, BadBody):
        return {
            **details(
                400,
                kind=BAD_BODY,
                title="What was sent is wrong",
                detail=str(exception.detail),
                instance=instance,
            ),
            "errors": [{"field": one.parameter, "detail": one.detail} for one in exception.errors],
        }
    if isinstance(exception, StepRefused):
        return {
            **details(
                409,
                kind=NOT_ALLOWED,
                title="This cannot be done now",
                detail=str(exception.detail),
                instance=instance,
            ),
            "missing": list(exception.missing),
        }
    return details(exception.status_code, detail=_detail(exception), instance=instance)


def _detail(exception: APIException) -> str:
    """One text, whatever shape the exception has."""
    found = exception.detail
    if isinstance(found, dict):
        return " ".join(f"{name}: {text}" for name, text in found.items())
    return " ".join(map(str, found)) if isinstance(found, list) else str(found)


def _headers(exception: APIException) -> dict[str, str]:
    headers: dict[str, str] = {}
    # Set by APIView.handle_exception and by throttles.
    if way_in := getattr(exception, "auth_header", None):
        headers["WWW-Authenticate"] = way_in
    if (wait := getattr(exception, "wait", None)) is not None:
        headers["Retry-After"] = str(max(1, int(wait)))
    return headers
