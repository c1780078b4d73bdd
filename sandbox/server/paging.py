"""Pages and their tokens.

A token names the version of the organisation that its first page was cut from, so one paging session sees one moment;
it also carries a fingerprint of the request, because AWS refuses a token with other parameters.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

from sandbox.server.errors import Failure

T = TypeVar("T")
_SERIALS = count(1)
_TOKEN_NAMES = ("NextToken", "nextToken")
_UNPRINTED = {*_TOKEN_NAMES, "MaxResults", "maxResults"}


@dataclass(frozen=True, slots=True)
class Token:
    """What a NextToken says."""

    version: int
    offset: int
    fingerprint: str
    result: int = 0
    """Number of the kept query result, where the operation keeps one."""


class BadToken(Exception):
    """The token is not one of ours, is of another request, or of a version that is gone."""


def encode(token: Token) -> str:
    """Write a token as an opaque string."""
    # AWS never gives the same token twice, and boto3's paginators take a repeated one for an endless loop.
    serial = next(_SERIALS)
    packed = json.dumps([token.version, token.offset, token.fingerprint, token.result, serial])
    return base64.urlsafe_b64encode(packed.encode()).decode()


def decode(text: str) -> Token:
    """Read a token.

    :raises BadToken: when it is none of ours
    """
    try:
        version, offset, fingerprint, result, _ = json.loads(base64.urlsafe_b64decode(text))
        return Token(int(version), int(offset), str(fingerprint), int(result))
    except (binascii.Error, ValueError, TypeError) as error:
        raise BadToken("The token is not valid") from error


def token_in(params: Mapping[str, Any]) -> Token | None:
    """Read the token of a request; None on the first page.

    :raises BadToken: when it is none of ours
    """
    for name in _TOKEN_NAMES:
        if params.get(name):
            return decode(str(params[name]))
    return None


def fingerprint(operation: str, params: Mapping[str, Any], caller: str) -> str:
    """Digest what must stay the same over the pages of one session: everything but page size and token."""
    kept = {name: value for name, value in params.items() if name not in _UNPRINTED}
    text = json.dumps([operation, kept, caller], sort_keys=True, default=str)
    return hashlib.blake2s(text.encode(), digest_size=8).hexdigest()


def page_size(params: Mapping[str, Any], *, default: int, largest: int) -> int:
    """Read MaxResults.

    :raises Failure: invalid, when it is not within 1 and `largest`
    """
    asked = params.get("MaxResults", params.get("maxResults"))
    if asked is None:
        return default
    if not isinstance(asked, int) or isinstance(asked, bool) or not 1 <= asked <= largest:
        members = {} if largest != 20 else {"Reason": _range_reason(asked)}
        raise Failure(
            "invalid", f"MaxResults must be between 1 and {largest}, got {asked}", **members
        )
    return asked


def _range_reason(asked: object) -> str:
    return "MIN_VALUE_EXCEEDED" if isinstance(asked, int) and asked < 1 else "MAX_VALUE_EXCEEDED"


def cut(
    items: Sequence[T], offset: int, size: int, *, empty: bool
) -> tuple[Sequence[T], int | None]:
    """Cut one page: (its items, the offset of the next page or None at the end).

    `empty` leaves the page empty although more is to come, as AWS may do at any time.
    """
    if empty and offset < len(items):
        return items[:0], offset
    end = offset + size
    return items[offset:end], end if end < len(items) else None
