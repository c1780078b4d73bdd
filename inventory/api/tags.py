"""ETags: whether somebody already has the answer.

A tag is of one person and their scope: two people never share one, whatever they both see.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

from rest_framework.request import Request

from inventory import access


def of_body(request: Request, body: bytes) -> str:
    """The tag of an answer that had to be made to know it."""
    return _tag([str(request.user.pk).encode(), body])


def of_marks(request: Request, shape: str, marks: Iterable[Any], *, path: str = "") -> str:
    """The tag of an answer that follows from `marks`, and from who asks for what in which shape.

    `path` is that of another resource, asked without a query: what is written at one address may be
    read at another.
    """
    user = request.user
    scope = access.scope_of(user)
    said = (
        user.pk,
        sorted(user.get_all_permissions()),
        (scope.everything, scope.ou_paths, scope.team_ids),
        path or request.path,
        [] if path else sorted(request.query_params.lists()),
        shape,
        tuple(marks),
    )
    return _tag([repr(said).encode()])


def matches(request: Request, tag: str) -> bool:
    """Whether If-None-Match names it. Weakly, as RFC 9110 13.1.2 wants."""
    return _names(request.headers.get("If-None-Match", ""), tag)


def is_held(request: Request, tag: str) -> bool:
    """Whether If-Match, where it is sent, names it.

    Weakly: RFC 9110 13.1.1 wants strong tags, of which there are none here, for a proxy may compress an
    answer. What these name is the state of the thing, and not the bytes of an answer.
    """
    sent = request.headers.get("If-Match", "")
    return not sent or _names(sent, tag)


def _names(sent: str, tag: str) -> bool:
    named = {word.strip().removeprefix("W/") for word in sent.split(",")}
    return "*" in named or tag.removeprefix("W/") in named


def _tag(parts: Iterable[bytes]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    # Weak: a proxy may compress the answer on its way.
    return f'W/"{digest.hexdigest()}"'
