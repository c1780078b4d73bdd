"""One call to the sandbox AWS, as its answering functions see it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sandbox.access import Principal
from sandbox.server import paging
from sandbox.server.errors import Answer, Failure
from sandbox.server.models import Wire
from sandbox.server.paging import Token
from sandbox.server.security_hub.edits import Edit
from sandbox.server.world import Moment

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """A call by a known principal.

    `is_page_empty`: a fault asks for an empty page with a token. `keep`: takes the edits of BatchUpdateFindings.
    """

    service: str
    """Signing name."""
    operation: str
    region: str
    protocol: str
    params: Mapping[str, Any]
    principal: Principal
    wire: Wire
    token: Token | None
    is_page_empty: bool
    keep: Callable[[Iterable[Edit]], None]

    @property
    def account_id(self) -> str:
        return self.principal.account_id

    def fingerprint(self) -> str:
        """Digest what the following pages must repeat."""
        return paging.fingerprint(self.operation, self.params, f"{self.account_id}/{self.region}")

    def offset(self) -> int:
        """Where this page starts.

        :raises Failure: invalid, when the token is of another request
        """
        if self.token is None:
            return 0
        if self.token.fingerprint != self.fingerprint():
            raise Failure("invalid", "The token is not valid for these parameters")
        return self.token.offset

    def next_token(self, moment: Moment, offset: int | None, result: int = 0) -> str | None:
        """Write the token of the next page; None at the end."""
        if offset is None:
            return None
        return paging.encode(Token(moment.version, offset, self.fingerprint(), result))

    def page(
        self, moment: Moment, items: Sequence[T], *, default: int, largest: int
    ) -> tuple[Sequence[T], str | None]:
        """Cut this call's page of a list: (items, token of the next page)."""
        size = paging.page_size(self.params, default=default, largest=largest)
        shown, end = paging.cut(items, self.offset(), size, empty=self.is_page_empty)
        return shown, self.next_token(moment, end)


Handler = Callable[[Call, Moment], Mapping[str, Any] | Answer]
"""Answers one operation: members of the output shape (moments as datetimes, None left out), or a finished answer."""
