"""The inbox of exceptions: what waits for a person, and everything else that they see.

Its lines are requests, and differences between what was approved and what is deployed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from django.db.models import Count, Q, QuerySet, Value
from django.db.models.functions import Coalesce, NullIf

from invariants.models import ExceptionMismatch, ExceptionRequest
from invariants.models.exceptions import ExceptionState as State
from invariants.models.exceptions.requests import ExceptionQuerySet
from invariants.queries.exceptions import inbox_items, reconciliation, totals, waiting
from invariants.queries.exceptions.clock_words import Clock, clock_of
from invariants.queries.exceptions.inbox_items import Filters, ItemRow
from inventory import web
from inventory.access import AnyUser

PAGE_SIZE: Final = 30
TABS: Final = (
    ("decide", "To decide"),
    ("active", "Active"),
    ("expiring", "Expiring"),
    ("all", "All"),
)
_BY_END: Final = (web.Key("until", is_nullable=True), web.Key("pk"))
# By the clock, then by severity; what has no clock comes last, the newest first.
_CLOCK: Final = (web.Key("due_at", is_nullable=True), web.Key("rank"), web.Key("line"))
_BY_CLOCK: Final = (*_CLOCK, web.Key("pk"))
_ALL: Final = (*_CLOCK, web.Key("pk", is_descending=True))
_KEYS: Final = {"decide": _BY_CLOCK, "active": _BY_END, "expiring": _BY_END, "all": _ALL}
# Where differences are lines as well; the others are of requests in force.
_WITH_ITEMS: Final = ("decide", "all")


@dataclass(frozen=True, slots=True)
class Row:
    """A request. `due_at` and `until` are what the list is ordered by; `clock` says them in words."""

    pk: int
    ref: str
    title: str
    target: str
    requester_name: str
    state: str
    state_label: str
    risk: str
    is_emergency: bool
    is_zombie: bool
    clock: Clock
    due_at: datetime | None
    until: date | None
    is_item: bool = False


@dataclass(frozen=True, slots=True)
class Inbox:
    """`counts` by tab, and of zombies, of everything that the person sees; `open_items` are the
    differences of reconciliation that are open."""

    tab: str
    page: web.Page[Row | ItemRow]
    counts: dict[str, int] = field(default_factory=dict)
    open_items: int = 0

    @property
    def has_new(self) -> bool:
        """Whether any request of the page can be taken up."""
        return any(isinstance(row, Row) and row.state == State.SUBMITTED for row in self.page.rows)


def inbox(
    user: AnyUser,
    filters: Filters,
    *,
    cursor_text: str,
    now: datetime,
    today: date,
    size: int = PAGE_SIZE,
) -> Inbox:
    """What waits for the person and everything by what is due first, what is in force by its last day.
    Six queries besides the person's scope and rights, eight where the list is long."""
    mine = waiting.for_person(user, now=now)
    items = waiting.items_for(user, now=now)
    visible = ExceptionRequest.objects.visible_to(user)
    counts = {
        "decide": mine.count() + items.count(),
        **_counts(user, today=today),
    }
    tab = filters.tab or ("decide" if counts["decide"] and not filters.is_narrowed else "all")
    requests = _narrowed(
        _of_tab(mine if tab == "decide" else visible, tab, today=today), filters, today
    ).select_related("invariant", "control")
    parts: Sequence[QuerySet[Any]] = [requests]
    if tab in _WITH_ITEMS:
        if tab == "all":
            items = ExceptionMismatch.objects.visible_to(user).lasting()
        found = inbox_items.narrowed(items, filters, visible)
        parts = [ranked(requests), inbox_items.ranked(found)]
    page = _page(parts, keys=_KEYS[tab], cursor_text=cursor_text, size=size)
    lines = tuple(_line_of(one, now=now, today=today) for one in page.rows)
    open_items = sum(reconciliation.open_counts(user).values())
    page_of_lines = web.Page(lines, page.next_cursor, page.previous_cursor)
    return Inbox(tab, page_of_lines, counts, open_items)


def _page(
    parts: "Sequence[QuerySet[Any]]", *, keys: Sequence[web.Key], cursor_text: str, size: int
) -> web.Page[Any]:
    """One page of all parts together, in one order."""
    cursor = web.read_cursor(cursor_text, keys=keys)
    found = [
        row for part in parts for row in web.window(part, keys=keys, cursor=cursor, size=size + 1)
    ]
    ordered = web.in_order(found, keys=keys, cursor=cursor)
    return web.page_of(ordered[: size + 1], keys=keys, cursor=cursor, size=size)


def ranked(requests: ExceptionQuerySet) -> "QuerySet[ExceptionRequest]":
    """With the place of the risk, the gravest first; none of what has no clock."""
    said = requests.annotate(weight=Coalesce(NullIf("residual_risk", Value("")), "severity"))
    return said.annotate(rank=inbox_items.rank_of("weight"), line=Value(0))


def _line_of(
    one: ExceptionRequest | ExceptionMismatch, *, now: datetime, today: date
) -> Row | ItemRow:
    if isinstance(one, ExceptionMismatch):
        return inbox_items.row_of(one, now=now)
    return row_of(one, now=now, today=today)


def _counts(user: AnyUser, *, today: date) -> dict[str, int]:
    counted = totals.counts(user, today=today)
    return {"active": counted.active, "expiring": counted.expiring, "zombies": counted.zombies}


def _of_tab(rows: ExceptionQuerySet, tab: str, *, today: date) -> ExceptionQuerySet:
    if tab in (totals.Standing.ACTIVE, totals.Standing.EXPIRING):
        return totals.narrow(rows, tab, today=today)
    return rows


def _narrowed(rows: ExceptionQuerySet, filters: Filters, today: date) -> ExceptionQuerySet:
    if filters.standing:
        rows = totals.narrow(rows, filters.standing, today=today)
    if filters.state:
        rows = rows.filter(state=filters.state)
    if filters.risk:
        judged = Q(residual_risk=filters.risk)
        rows = rows.filter(judged | Q(residual_risk="", severity=filters.risk))
    rows = totals.of_place(
        rows, ou=filters.ou, account=filters.account, invariant=filters.invariant
    )
    return rows.filter(_says(filters.q)) if filters.q else rows


def _says(words: str) -> Q:
    """Each word is in its title, names, or reference."""
    found = Q()
    for word in words.split():
        number = word.upper().removeprefix("EX-").lstrip("0")
        one = Q(title__icontains=word) | Q(requester_name__icontains=word)
        one |= Q(system__icontains=word) | Q(invariant__key__icontains=word)
        one |= Q(control__control_id__icontains=word)
        if number.isascii() and number.isdigit() and len(number) <= 9:
            one |= Q(number=int(number))
        found &= one
    return found


def row_of(one: ExceptionRequest, *, now: datetime, today: date) -> Row:
    return Row(
        pk=one.pk,
        ref=one.ref,
        title=one.title or "Untitled draft",
        target=target_of(one),
        requester_name=one.requester_name,
        state=one.state,
        state_label=one.get_state_display(),
        risk=one.residual_risk or one.severity,
        is_emergency=one.is_emergency and one.state not in _OVER,
        is_zombie=one.is_zombie,
        clock=clock_of(one, now=now, today=today),
        due_at=one.due_at,
        until=one.until,
    )


_OVER: Final = (State.CLOSED, State.RENEWED, State.REJECTED, State.WITHDRAWN)


def target_of(one: ExceptionRequest) -> str:
    """The key of the invariant, or the id of the control, that it is an exception from."""
    if one.invariant is not None:
        return one.invariant.key
    return one.control.control_id if one.control is not None else ""


def states_of(user: AnyUser) -> tuple[tuple[str, str, int], ...]:
    """Each state with its label and how many the person sees in it. One query."""
    rows = ExceptionRequest.objects.visible_to(user).order_by().values_list("state")
    counted = dict(rows.annotate(requests=Count("pk")))
    return tuple((state.value, str(state.label), counted.get(state.value, 0)) for state in State)
