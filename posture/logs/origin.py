"""Who does what is going on, and where from: set at the edges, read wherever something is written down.

A request sets it, a task does, and a command has what its process is. Nobody passes it around.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, Self

from django.http import HttpRequest

Kind = Literal["PERSON", "SERVICE", "SYSTEM", "NOBODY", "DATABASE"]

# Longer names are cut: what is written down has columns.
_NAME: Final = 150
_TOKEN: Final = 120


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, as text that stays when they go.

    `id` is the number of the user, "" for others; `token` the number and name of the API token.
    """

    kind: Kind
    id: str = ""
    name: str = ""
    token: str = ""


NOBODY: Final = Actor("NOBODY")


@dataclass(frozen=True, slots=True)
class Origin:
    """`actor` is None where `request` knows: who signs in changes in the midst of a request."""

    actor: Actor | None = None
    request: HttpRequest | None = None
    request_id: str = ""
    address: str = ""
    task_id: str = ""
    task: str = ""

    def known_actor(self) -> Actor:
        """Who it is as far as it is known without asking the database: lines of the log use it."""
        if self.actor is not None or self.request is None:
            return self.actor or NOBODY
        user = self.request.__dict__.get("user") or getattr(self.request, "_cached_user", None)
        if user is None or _is_unread(user):
            user = getattr(self.request, "_cached_user", None)
        return actor_of(user, token=getattr(self.request, "auth", None))

    def with_actor(self) -> Self:
        """The same with its actor read, by a query at most."""
        if self.actor is not None or self.request is None:
            return self
        user = getattr(self.request, "user", None)
        return replace(self, actor=actor_of(user, token=getattr(self.request, "auth", None)))


_CURRENT: ContextVar[Origin | None] = ContextVar("origin", default=None)


def current() -> Origin:
    """Where the work at hand comes from; outside of requests and tasks it is the process itself."""
    return _CURRENT.get() or Origin(actor=_process())


@contextmanager
def begin(origin: Origin) -> Iterator[Origin]:
    """All that is written within comes from there."""
    token = _CURRENT.set(origin)
    try:
        yield origin
    finally:
        _CURRENT.reset(token)


def actor_of(user: Any, *, token: Any = None) -> Actor:
    """A user, the name of a task or command, or None for nobody, with the API token they came by."""
    if isinstance(user, str):
        return Actor("SYSTEM", name=user[:_NAME])
    if user is None or not user.is_authenticated:
        return NOBODY
    profile = _profile_of(user)
    kind: Kind = "SERVICE" if profile is not None and profile.kind == "SERVICE" else "PERSON"
    used = f"{token.pk} {token.name}"[:_TOKEN] if hasattr(token, "name") else ""
    return Actor(kind, id=str(user.pk), name=user.get_username()[:_NAME], token=used)


def _profile_of(user: Any) -> Any:
    """The profile where it is loaded, or can be: a line of the log asks for no query."""
    cached = user._state.fields_cache
    return cached.get("profile")


def _is_unread(user: Any) -> bool:
    """A lazy user that nobody has asked for yet."""
    wrapped = getattr(user, "__dict__", {}).get("_wrapped", user)
    return type(wrapped) is object


def _process() -> Actor:
    program = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"
    if program == "manage.py" and len(sys.argv) > 1:
        program = f"manage.py {sys.argv[1]}"
    return Actor("SYSTEM", name=program[:_NAME])
