"""Who may read single findings: those with the right to, of the accounts that they see."""

from collections.abc import Callable
from functools import wraps
from typing import Final

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase

from inventory import access
from inventory.access import AnyUser

READ: Final = "findings.read_findings"
_NOTHING: Final = Q(pk__in=[])
_View = Callable[..., HttpResponseBase]


class MayNotRead(PermissionDenied):
    """The person has no right to read findings; the text says so, and what they see instead."""

    def __init__(self) -> None:
        super().__init__(
            "Single findings and their resources are for people with the right “Read findings”. "
            "Without it you see scores, KPIs and counts of the accounts in your scope."
        )


def may_read(user: AnyUser) -> bool:
    return user.has_perm(READ)


def findings(user: AnyUser, *, prefix: str) -> Q:
    """Filter for rows that hang on a finding's account by `prefix`, such as "account__"."""
    return access.accounts(user, prefix=prefix) if may_read(user) else _NOTHING


def for_readers(view: _View) -> _View:
    """The view for people who may read findings.

    :raises MayNotRead: for everybody else, whatever they ask for.
    """

    @wraps(view)
    def checked(request: HttpRequest, *args: object, **names: object) -> HttpResponseBase:
        if not may_read(request.user):
            raise MayNotRead
        return view(request, *args, **names)

    return checked
