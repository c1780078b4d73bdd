"""The inbox of exceptions: what waits for a person, and everything else that they see."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from django.db.models import Count, Q

from invariants.models import ExceptionRequest, Invariant
from invariants.models.exceptions import ExceptionState as State
from invariants.models.exceptions.requests import ExceptionQuerySet
from invariants.queries.exceptions import reconciliation, totals, waiting
from invariants.queries.exceptions.clock_words import Clock, clock_of
from inventory import web
from inventory.access import AnyUser
from inventory.models import Account, OrganizationalUnit

PAGE_SIZE: Final = 30
TABS: Final = (
    ("decide", "To decide"),
    ("active", "Active"),
    ("expiring", "Expiring"),
    ("all", "All"),
)
_BY_DUE: Final = (web.Key("due_at", is_nullable=True), web.Key("pk"))
_BY_END: Final = (web.Key("until", is_nullable=True), web.Key("pk"))
_NEWEST: Final = (web.Key("pk", is_descending=True),)
_KEYS: Final = {"decide": _BY_DUE, "active": _BY_END, "expiring": _BY_END, "all": _NEWEST}


@dataclass(frozen=True, slots=True)
class Filters:
    """ "" and None are any. `tab` "" is what the person has to decide, or all where there is nothing;
    `standing` is one of totals' codes. Places are such as the person sees."""

    tab: str = ""
    q: str = ""
    state: str = ""
    risk: str = ""
    standing: str = ""
    invariant: Invariant | None = None
    account: Account | None = None
    ou: OrganizationalUnit | None = None

    @property
    def is_narrowed(self) -> bool:
        words = (self.q, self.state, self.risk, self.standing)
        return any(words) or any((self.invariant, self.account, self.ou))


@dataclass(frozen=True, slots=True)
class Row:
    """`due_at` and `until` are what the list is ordered by; `clock` says them in words."""

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


@dataclass(frozen=True, slots=True)
class Inbox:
    """`counts` by tab, and of zombies, of everything that the person sees; `open_items` are the
    differences of reconciliation that are open."""

    tab: str
    page: web.Page[Row]
    counts: dict[str, int] = field(default_factory=dict)
    open_items: int = 0


def inbox(
    user: AnyUser,
    filters: Filters,
    *,
    cursor_text: str,
    now: datetime,
    today: date,
    size: int = PAGE_SIZE,
) -> Inbox:
    """What waits for the person by what is due first, what is in force by its last day, all newest
    first. Four queries besides the person's scope and rights, five where the list is long."""
    mine = waiting.for_person(user, now=now)
    visible = ExceptionRequest.objects.visible_to(user)
    counts = {
        "decide": mine.count(),
        **_counts(user, today=today),
    }
    tab = filters.tab or ("decide" if counts["decide"] and not filters.is_narrowed else "all")
    rows = _of_tab(mine if tab == "decide" else visible, tab, today=today)
    narrowed = _narrowed(rows, filters, today=today)
    keys = _KEYS[tab]
    cursor = web.read_cursor(cursor_text, keys=keys)
    related = narrowed.select_related("invariant", "control")
    found = web.keyset(related, keys=keys, cursor=cursor, size=size)
    shown = tuple(row_of(one, now=now, today=today) for one in found.rows)
    items = sum(reconciliation.open_counts(user).values())
    return Inbox(tab, web.Page(shown, found.next_cursor, found.previous_cursor), counts, items)


def _counts(user: AnyUser, *, today: date) -> dict[str, int]:
    counted = totals.counts(user, today=today)
    return {"active": counted.active, "expiring": counted.expiring, "zombies": counted.zombies}


def _of_tab(rows: ExceptionQuerySet, tab: str, *, today: date) -> ExceptionQuerySet:
    if tab in (totals.Standing.ACTIVE, totals.Standing.EXPIRING):
        return totals.narrow(rows, tab, today=today)
    return rows


def _narrowed(rows: ExceptionQuerySet, filters: Filters, *, today: date) -> ExceptionQuerySet:
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
