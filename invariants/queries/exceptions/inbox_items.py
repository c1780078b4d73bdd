"""Differences between what was approved and what is deployed, as lines of the inbox."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from django.db.models import Case, IntegerField, Q, Value, When

from invariants.models import ExceptionMismatch, Invariant
from invariants.models.exceptions import ExceptionState, Risk
from invariants.models.exceptions import MismatchKind as Kind
from invariants.models.exceptions.reconciliation import ExceptionMismatchQuerySet
from invariants.models.exceptions.requests import ExceptionQuerySet
from invariants.queries.exceptions import totals
from invariants.queries.exceptions.clock_words import Clock, due_clock, span
from inventory.models import Account, OrganizationalUnit

if TYPE_CHECKING:
    from django.db.models import QuerySet

_GRAVEST_FIRST: Final = (Risk.CRITICAL, Risk.HIGH, Risk.MEDIUM, Risk.LOW)
# What has no clock is ordered by its age alone.
_NO_RANK: Final = 9


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
    def state_label(self) -> str:
        return str(ExceptionState(self.state).label) if self.state else ""

    @property
    def standing_label(self) -> str:
        return str(totals.Standing(self.standing).label) if self.standing else ""

    @property
    def is_narrowed(self) -> bool:
        words = (self.q, self.state, self.risk, self.standing)
        return any(words) or any((self.invariant, self.account, self.ou))


@dataclass(frozen=True, slots=True)
class ItemRow:
    """A difference. `clock` says by when it has to be put right, `age` for how long it has been seen;
    `ref` is of the exception that it is about, "" where nobody asked for one."""

    pk: int
    kind: str
    kind_label: str
    title: str
    target: str
    ref: str
    owner: str
    age: str
    remedy: str
    severity: str
    clock: Clock
    is_bad: bool
    is_item: bool = True


def narrowed(
    items: ExceptionMismatchQuerySet, filters: Filters, requests: ExceptionQuerySet
) -> ExceptionMismatchQuerySet:
    """Those within the filters. A state or a standing is of requests: then there is none.

    :param requests: those that the person sees
    """
    if filters.state or filters.standing:
        return items.none()
    if filters.risk:
        items = items.filter(severity=filters.risk)
    if filters.invariant is not None:
        items = items.filter(invariant=filters.invariant)
    if filters.account is not None:
        reaching = totals.of_place(requests, account=filters.account).order_by().values("pk")
        items = items.filter(Q(account=filters.account) | Q(exception__in=reaching))
    if filters.ou is not None:
        reaching = totals.of_place(requests, ou=filters.ou).order_by().values("pk")
        below = Q(account__ou__path__startswith=filters.ou.path)
        items = items.filter(below | Q(exception__in=reaching))
    for word in filters.q.split():
        items = items.filter(_says(word))
    return items


def _says(word: str) -> Q:
    found = Q(summary__icontains=word) | Q(owner__icontains=word)
    return found | Q(invariant__key__icontains=word) | Q(exception__system__icontains=word)


def ranked(items: ExceptionMismatchQuerySet) -> "QuerySet[ExceptionMismatch]":
    """With the place of the severity, the gravest first, and what a line says."""
    related = items.select_related("exception", "invariant")
    return related.annotate(rank=rank_of("severity"), line=Value(1))


def rank_of(severity: str) -> Case:
    """The place of a severity, given by its field; of what has no clock it counts for nothing."""
    places = [
        When(**{severity: name}, then=Value(place)) for place, name in enumerate(_GRAVEST_FIRST)
    ]
    return Case(
        When(due_at=None, then=Value(_NO_RANK)),
        *places,
        default=Value(len(places)),
        output_field=IntegerField(),
    )


def row_of(one: ExceptionMismatch, *, now: datetime) -> ItemRow:
    """No query where it was read by `ranked`."""
    return ItemRow(
        pk=one.pk,
        kind=one.kind,
        kind_label=str(one.get_kind_display()),
        title=one.summary,
        target=one.invariant.key if one.invariant is not None else "",
        ref=one.exception.ref if one.exception is not None else "",
        owner=one.owner,
        age=span(max((now - one.first_seen).total_seconds(), 0)),
        remedy=one.remedy,
        severity=one.severity,
        clock=due_clock(one.due_at, now) if one.due_at else Clock("open", "Open"),
        is_bad=one.kind in (Kind.ZOMBIE, Kind.NOT_APPROVED),
    )
