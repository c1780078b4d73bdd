"""Requests: each has an id, which its lines, its entries and its tasks carry, and one line of its own."""

import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, cast

from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from posture import web
from posture.logs.origin import Origin, begin

ORIGIN: Final = "parapet_origin"
# A proxy's id is taken over where it cannot be anything but an id.
_SAFE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}", re.ASCII)
# Asked every few seconds; who wants to see them sets DEBUG.
_QUIET: Final = frozenset({"healthz"})

GetResponse = Callable[[HttpRequest], HttpResponseBase]

logger = logging.getLogger("posture.access")


class Requests:
    """Outermost: whatever the others answer has its id, and is written down."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        origin = Origin(
            request=request, request_id=id_of(request), address=web.client_address(request)
        )
        # Django has something to say after this one, too.
        setattr(request, ORIGIN, origin)
        with begin(origin):
            response = self._get_response(request)
            _write_line(request, response, seconds=time.perf_counter() - started)
        response["X-Request-ID"] = origin.request_id
        if isinstance(response, StreamingHttpResponse) and not isinstance(response, FileResponse):
            # An export is written after this, and still by the same person.
            parts = cast("Iterable[bytes]", response.streaming_content)
            response.streaming_content = _within(origin, parts)
        return response


def id_of(request: HttpRequest) -> str:
    sent = request.META.get("HTTP_X_REQUEST_ID", "")
    return sent if _SAFE.fullmatch(sent) else secrets.token_hex(16)


def route_of(request: HttpRequest) -> str:
    """The name of the address, never the address: some hold a key. "" where there is no such address."""
    match = request.resolver_match
    return (match.view_name or match.route) if match else ""


def _write_line(request: HttpRequest, response: HttpResponseBase, *, seconds: float) -> None:
    is_file = isinstance(response, FileResponse)
    route = "static" if is_file and request.resolver_match is None else route_of(request)
    is_quiet = (is_file or route in _QUIET) and response.status_code < 400
    method = request.method if request.method in _METHODS else "OTHER"
    logger.log(
        logging.DEBUG if is_quiet else logging.INFO,
        "%s %s %s",
        method,
        route or "(no such address)",
        response.status_code,
        extra={
            "method": method,
            "route": route,
            "status": response.status_code,
            "ms": round(seconds * 1000, 1),
        },
    )


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _within(origin: Origin, parts: Iterable[bytes]) -> Iterator[bytes]:
    with begin(origin):
        yield from parts
