"""Requests as lists page through them: one way of narrowing, which counts and pages share."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import QuerySet

from invariants.models import ExceptionRequest
from invariants.queries.exceptions import totals, waiting
from invariants.queries.exceptions.standing import moment_of
from inventory import web
from inventory.access import AnyUser
from inventory.models import Account, Organization

PAGE_SIZE: Final = 50
_KEYS: Final = (web.Key("pk", is_descending=True),)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; "" and () narrow nothing. `standing` is a code of `totals`.

    `invariant` and `control` are what it is an exception from, `account` the number of one that it
    reaches. `waits`: those that this person can take further now.
    """

    states: tuple[str, ...] = ()
    standing: str = ""
    target: str = ""
    invariant: str = ""
    control: str = ""
    account: str = ""
    severity: str = ""
    is_mine: bool = False
    waits: bool = False
    is_emergency: bool = False


def rows(user: AnyUser, filters: Filters, *, now: datetime) -> "QuerySet[ExceptionRequest]":
    """All that the person sees within the filters."""
    found = waiting.for_person(user, now=now) if filters.waits else None
    seen = ExceptionRequest.objects.visible_to(user)
    if found is not None:
        seen = seen.filter(pk__in=found.order_by().values("pk"))
    if filters.standing:
        organization = Organization.objects.order_by("pk").first()
        today = moment_of(organization, now).today if organization else now.date()
        seen = totals.narrow(seen, filters.standing, today=today)
    if filters.account:
        accounts = Account.objects.visible_to(user).select_related("ou")
        account = accounts.filter(account_id=filters.account).first()
        seen = totals.of_place(seen, account=account) if account else seen.none()
    exact = {
        "state__in": filters.states,
        "target_kind": filters.target,
        "invariant__key": filters.invariant,
        "control__control_id": filters.control,
        "severity": filters.severity,
        "requester_id": user.pk if filters.is_mine else None,
        "is_emergency": filters.is_emergency,
    }
    return seen.filter(**{name: value for name, value in exact.items() if value})


def page(
    user: AnyUser,
    filters: Filters,
    *,
    cursor_text: str = "",
    now: datetime,
    size: int = PAGE_SIZE,
) -> web.Page[ExceptionRequest]:
    """The newest request first. One query besides the person's scope."""
    found = rows(user, filters, now=now).select_related("organization", "invariant", "control")
    cursor = web.read_cursor(cursor_text, keys=_KEYS)
    return web.keyset(found, keys=_KEYS, cursor=cursor, size=size)
