"""What was approved beside what is deployed, as pages, the inbox and the numbers read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Value, When
from django.urls import reverse

from invariants.models import ExceptionMismatch, ExceptionRequest, ReconciliationRun
from invariants.models.exceptions import MismatchKind as Kind
from invariants.models.exceptions.reconciliation import ExceptionMismatchQuerySet
from invariants.queries.exceptions import waiting
from inventory import access, web
from inventory.access import AnyUser

PAGE_SIZE: Final = 50
STANDINGS: Final = (("open", "Open"), ("ended", "Ended"))
_SEVERITIES: Final = ("CRITICAL", "HIGH", "MEDIUM", "LOW")
_KINDS: Final = tuple(Kind.values)
# Wider than the column is.
_MOST: Final = 2**63 - 1
_KEYS: Final = (web.Key("place"), web.Key("rank"), web.Key("first_seen"), web.Key("pk"))
_ENDED_KEYS: Final = (web.Key("ended_at", is_descending=True), web.Key("pk", is_descending=True))


@dataclass(frozen=True, slots=True)
class Filters:
    kind: str = ""
    invariant: str = ""
    owner: str = ""
    standing: str = "open"
    waits: bool = False

    @property
    def is_narrowed(self) -> bool:
        return bool(self.kind or self.invariant or self.owner)


@dataclass(frozen=True, slots=True)
class Row:
    """One difference, as far as the person may know of it: `policy`, `value` and `accounts_named` are ""
    and empty for who does not see the whole organisation."""

    item: ExceptionMismatch
    policy: str
    value: str
    accounts_named: tuple[str, ...]
    ask_url: str
    ref: str
    sees_all: bool
    is_late: bool

    @property
    def invariant_key(self) -> str:
        return self.item.invariant.key if self.item.invariant is not None else ""

    @property
    def account_id(self) -> str:
        return self.item.account.account_id if self.item.account is not None else ""

    @property
    def is_bad(self) -> bool:
        return self.item.kind in (Kind.ZOMBIE, Kind.NOT_APPROVED)


@dataclass(frozen=True, slots=True)
class Listing:
    """`counts` are by kind, of what lasts; `compared_at`: as of when, `failed_at` and `why`: since when
    nothing could be compared."""

    page: web.Page[Row]
    total: int
    counts: tuple[tuple[str, str, int], ...]
    standings: dict[str, int]
    invariants: tuple[str, ...]
    owners: tuple[str, ...]
    compared_at: datetime | None
    failed_at: datetime | None
    why: str
    carve_outs: int | None
    approved: int | None


@dataclass(frozen=True, slots=True)
class Section:
    """Reconciliation on the page of one exception. `looked_at`: as of when a collection last looked for
    it, `seen_at`: when one last found it; `carve_outs` only for who sees the whole organisation."""

    rows: tuple[Row, ...]
    looked_at: datetime | None
    seen_at: datetime | None
    verified_at: datetime | None
    gone_seen_at: datetime | None
    found_in: int | None
    accounts: int | None
    carve_outs: tuple[dict[str, Any], ...]
    is_zombie: bool

    @property
    def is_removed(self) -> bool:
        """It was found removed, and not found again since."""
        gone, seen = self.gone_seen_at, self.seen_at
        return gone is not None and (seen is None or gone >= seen)


def open_items(user: AnyUser) -> "QuerySet[ExceptionMismatch]":
    """What lasts and the person may know of: by kind (the gravest first), severity, and age."""
    rows = ExceptionMismatch.objects.visible_to(user).lasting()
    return _ranked(_related(rows)).order_by(*(key.field for key in _KEYS))


def open_counts(user: AnyUser) -> dict[str, int]:
    """How many of each kind, 0 as well. One query."""
    rows = ExceptionMismatch.objects.visible_to(user).lasting().order_by()
    found = dict(rows.values_list("kind").annotate(items=Count("pk")))
    return {kind: found.get(kind, 0) for kind in _KINDS}


def item(user: AnyUser, pk: int, *, now: datetime) -> Row | None:
    """One difference, ended or not; None where there is none for this person. One query."""
    if pk > _MOST:
        return None
    found = _related(ExceptionMismatch.objects.visible_to(user)).filter(pk=pk).first()
    return row_of(found, user, now=now) if found is not None else None


def items_of(request: ExceptionRequest, user: AnyUser) -> "QuerySet[ExceptionMismatch]":
    """Of one exception, what lasts first, then the newest."""
    rows = _related(ExceptionMismatch.objects.visible_to(user)).filter(exception=request)
    return rows.order_by(F("ended_at").desc(nulls_first=True), "-first_seen", "-pk")


def listing(
    user: AnyUser,
    filters: Filters,
    *,
    cursor_text: str,
    now: datetime,
    size: int = PAGE_SIZE,
) -> Listing:
    """A page of it. Six queries besides the person's scope, whatever the number of rows."""
    visible = ExceptionMismatch.objects.visible_to(user)
    narrowed = _narrowed(visible, filters)
    standings = narrowed.aggregate(
        open=Count("pk", filter=Q(ended_at=None)), ended=Count("pk", filter=~Q(ended_at=None))
    )
    counts = open_counts(user)
    compared, last = _runs()
    sees_all = access.scope_of(user).everything
    is_later = last is not None and last != compared
    return Listing(
        page=_page(user, narrowed, filters, cursor_text=cursor_text, now=now, size=size),
        total=standings[filters.standing],
        counts=tuple((kind.value, str(kind.label), counts[kind]) for kind in Kind),
        standings=standings,
        invariants=tuple(
            visible.exclude(invariant=None)
            .order_by("invariant__key")
            .values_list("invariant__key", flat=True)
            .distinct()
        ),
        owners=tuple(
            visible.lasting().order_by("owner").values_list("owner", flat=True).distinct()
        ),
        compared_at=compared.at if compared else None,
        failed_at=last.at if last and is_later else None,
        why=last.why if last and is_later and sees_all else "",
        carve_outs=compared.counts.get("carve_outs") if compared and sees_all else None,
        approved=compared.counts.get("approved") if compared and sees_all else None,
    )


def paged(
    user: AnyUser, filters: Filters, *, cursor_text: str, now: datetime, size: int
) -> tuple[web.Page[Row], int]:
    """A page, and how many there are within the filters. Two queries besides the person's scope."""
    visible = ExceptionMismatch.objects.visible_to(user)
    if filters.waits:
        visible = waiting.items_for(user, now=now)
    narrowed = _narrowed(visible, filters)
    total = _standing(narrowed, filters).count()
    return _page(user, narrowed, filters, cursor_text=cursor_text, now=now, size=size), total


def _page(
    user: AnyUser,
    narrowed: "ExceptionMismatchQuerySet",
    filters: Filters,
    *,
    cursor_text: str,
    now: datetime,
    size: int,
) -> web.Page[Row]:
    keys = _ENDED_KEYS if filters.standing == "ended" else _KEYS
    cursor = web.read_cursor(cursor_text, keys=keys)
    rows = _ranked(_related(_standing(narrowed, filters)))
    found = web.keyset(rows, keys=keys, cursor=cursor, size=size)
    shown = tuple(row_of(one, user, now=now) for one in found.rows)
    return web.Page(shown, found.next_cursor, found.previous_cursor)


def _standing(
    narrowed: "ExceptionMismatchQuerySet", filters: Filters
) -> "ExceptionMismatchQuerySet":
    if filters.standing == "ended":
        return narrowed.exclude(ended_at=None)
    return narrowed.lasting()


def section(user: AnyUser, request: ExceptionRequest, *, now: datetime) -> Section | None:
    """What collections found of one exception; None where none has looked yet. One query."""
    rows = tuple(row_of(one, user, now=now) for one in items_of(request, user))
    if not rows and request.looked_at is None:
        return None
    sees_all = access.scope_of(user).everything
    found = request.found
    return Section(
        rows=rows,
        looked_at=request.looked_at,
        seen_at=request.seen_at,
        verified_at=request.verified_at,
        gone_seen_at=request.gone_seen_at,
        found_in=found.get("found_in"),
        accounts=found.get("accounts"),
        carve_outs=tuple(found.get("carve_outs", ())) if sees_all else (),
        is_zombie=request.is_zombie,
    )


def row_of(item: ExceptionMismatch, user: AnyUser, *, now: datetime) -> Row:
    """An item as the person sees it; no query where it was read by `open_items` or `items_of`."""
    sees_all = access.scope_of(user).everything
    shows_value = sees_all or item.account_id is not None
    named: Sequence[str] = item.evidence.get("accounts", ()) if sees_all else ()
    return Row(
        item=item,
        policy=item.policy_name if sees_all else "",
        value=_value(item) if shows_value else "",
        accounts_named=tuple(named) if not isinstance(named, int) else (),
        ask_url=ask_link(item) if item.kind == Kind.NOT_APPROVED and not item.exception_id else "",
        ref=item.exception.ref if item.exception is not None else "",
        sees_all=sees_all,
        is_late=item.due_at is not None and item.due_at < now and item.ended_at is None,
    )


def _value(item: ExceptionMismatch) -> str:
    """With the number of the account that it is about; where there are several, of each of them."""
    number = item.account.account_id if item.account is not None else "<each account>"
    return item.value.replace("{account}", number)


def ask_link(item: ExceptionMismatch) -> str:
    """Where to ask for an exception for what is deployed: the form, filled in as far as it is known."""
    known = {
        "invariant": item.invariant.key if item.invariant is not None else "",
        "account": item.account.account_id if item.account is not None else "",
    }
    return f"{reverse('exceptions:new')}?{urlencode({k: v for k, v in known.items() if v})}"


def _narrowed(found: "ExceptionMismatchQuerySet", filters: Filters) -> "ExceptionMismatchQuerySet":
    if filters.kind:
        found = found.filter(kind=filters.kind)
    if filters.invariant:
        found = found.filter(invariant__key=filters.invariant)
    if filters.owner:
        found = found.filter(owner=filters.owner)
    return found


def _ranked(found: "QuerySet[ExceptionMismatch]") -> "QuerySet[ExceptionMismatch]":
    """With the places of kind and severity, the gravest first."""
    kinds = [When(kind=name, then=Value(place)) for place, name in enumerate(_KINDS)]
    ranks = [When(severity=name, then=Value(place)) for place, name in enumerate(_SEVERITIES)]
    return found.annotate(
        place=Case(*kinds, default=Value(len(_KINDS)), output_field=IntegerField()),
        rank=Case(*ranks, default=Value(len(_SEVERITIES)), output_field=IntegerField()),
    )


def _related(found: "QuerySet[ExceptionMismatch]") -> "QuerySet[ExceptionMismatch]":
    return found.select_related("exception", "invariant", "account")


def _runs() -> tuple[ReconciliationRun | None, ReconciliationRun | None]:
    """The last that compared, and the last at all."""
    runs = ReconciliationRun.objects.order_by("-at", "-pk")
    return runs.filter(state=ReconciliationRun.State.COMPLETE).first(), runs.first()
