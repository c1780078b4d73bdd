"""What a service means by an answer with which it takes no message."""

from http import HTTPStatus
from typing import Final

# What passes by itself, of the answers that blame the request.
_PASSING: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)


class Unsendable(Exception):
    """The service took the message but said no.

    `status` is its answer; `retry_after`: seconds for which it wants to be left alone, where it says so.
    """

    def __init__(self, status: int, *, retry_after: int | None = None) -> None:
        self.status, self.retry_after = status, retry_after
        super().__init__(f"It answered {status}{_meaning(status)}")

    @property
    def is_gone(self) -> bool:
        return self.status == HTTPStatus.GONE

    @property
    def is_refusal(self) -> bool:
        """The same message will hardly be taken later: as a rule the address was revoked."""
        blames_us = HTTPStatus.BAD_REQUEST <= self.status < HTTPStatus.INTERNAL_SERVER_ERROR
        return blames_us and self.status not in _PASSING


def _meaning(status: int) -> str:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return ", but took no message."
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return ": redirects are not followed. Add the channel with the address that it leads to."
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return ": it is told too much at once, and is told again later."
    if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "."
    return (
        ": it takes nothing at this address. Where it was revoked, add the channel with the address "
        "that the service shows now."
    )
