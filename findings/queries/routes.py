"""How to come to the findings of a page without reading many others, however many there are.

There are two ways, and both compare every finding with every filter. Many findings within the
filters: follow the index of the order until the page is full. Few: take them by their tokens and
sort them. The counts say which, and within which severities the page lies.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar

from django.db.models import BooleanField, Case, OuterRef, Q, QuerySet, Subquery, Sum, Value, When

from findings.models import FacetCount, FacetValue, Finding, Status
from findings.models.counts import Dimension, bits
from findings.queries import counts, search
from findings.queries import filters as narrowing
from findings.queries import reach as reaching
from findings.queries.counts import Summary
from findings.queries.filters import Filters
from findings.queries.reach import RANKS, Reach
from inventory import web
from inventory.access import AnyUser
from inventory.web import Cursor, Key

Row = TypeVar("Row")
# Below this many findings in a state the database is left to its own devices.
FEW: Final = 2_000
# What a finding costs when it is taken by its tokens, against one met on the way through an index.
_BY_TOKEN: Final = 3
_TOKENS_AT_ALL: Final = 500
# Due and opening dates hang together with other things, so that the way may be longer than expected.
_UNSURE: Final = 3
# More than this is never collected by tokens.
_COLLECTED: Final = 10_000


def _compared(
    matching: "QuerySet[Finding]", condition: Q, *, is_estimated: bool = False
) -> "QuerySet[Finding]":
    """The findings that meet the condition, said so that the planner draws no conclusion from it: it
    would multiply the shares of filters that hang together, expect next to nothing, and read the
    whole table for it.
    """
    if is_estimated or not condition:
        return matching.filter(condition)
    whole = When(condition, then=Value(True))
    return matching.filter(Case(whole, default=Value(False), output_field=BooleanField()))


@dataclass(frozen=True, slots=True)
class Numbers:
    """Findings in the chosen states by severity rank: all of them, and those within the filters.

    `inside` None: nobody has counted those.
    """

    all: Mapping[int, int]
    inside: Mapping[int, int] | None

    @property
    def is_small(self) -> bool:
        return sum(self.all.values()) <= FEW


def numbers(
    user: AnyUser, reached: Reach, *, now: datetime, summary: Summary | None = None
) -> Numbers:
    """From the counts, as of the last rollup. One query, and those of one facet without `summary`."""
    positions = [list(Status.values).index(status) for status in reached.statuses]
    name = FacetValue.objects.filter(pk=OuterRef("a")).values("text")
    counted = (
        FacetCount.objects.filter(
            dimensions=bits([Dimension.SEVERITY]), status__in=positions, b=0, c=0
        )
        .values_list(Subquery(name))
        .annotate(number=Sum("findings"))
    )
    of_all = {RANKS[severity]: number for severity, number in counted if severity in RANKS}
    found = Numbers(of_all, None)
    if found.is_small or reached.words:
        return found
    if not reached.is_narrow:
        return Numbers(of_all, _chosen(of_all, reached.filters))
    facets = summary.facets if summary else ()
    facet = next((facet for facet in facets if facet.name == "severity"), None)
    if facet is None or any(choice.findings is None for choice in facet.choices):
        filters = replace(reached.filters, severities=())
        facet = counts.facet(user, filters, "severity", now=now)
    of_filters = {RANKS[choice.value]: choice.findings or 0 for choice in facet.choices}
    return Numbers(of_all, _chosen(of_filters, reached.filters))


def _chosen(by_rank: Mapping[int, int], filters: Filters) -> dict[int, int]:
    wanted = {RANKS[severity] for severity in filters.severities} or set(RANKS.values())
    return {rank: number for rank, number in by_rank.items() if rank in wanted and number > 0}


@dataclass(frozen=True, slots=True)
class Window:
    """The rows of a list that a page may show: `size` of them beyond the cursor."""

    keys: Sequence[Key]
    cursor: Cursor | None
    size: int

    @property
    def is_by_severity(self) -> bool:
        return self.keys[0].field == "severity_rank"

    def ranks(self) -> list[int]:
        """Severity ranks in the order in which the window meets them."""
        backwards = self.cursor is not None and self.cursor.is_backwards
        first = self.cursor.values[0] if self.cursor and self.is_by_severity else None
        ranks = sorted(RANKS.values(), reverse=not backwards)
        return ranks[ranks.index(first) :] if isinstance(first, int) and first in ranks else ranks


# Makes rows of what a page shows out of findings.
Select = Callable[["QuerySet[Finding]"], "QuerySet[Any, Row]"]


def rows(reached: Reach, found: Numbers, window: Window, select: "Select[Row]") -> list[Row]:
    """The findings of the window. One query, or one for each of several states; two by tokens."""
    if found.is_small or (found.inside is None and not reached.words):
        return _along(reached, window, select, is_small=True)
    plan = _plan(found, window)
    shown = None
    if plan.is_few:
        shown = _by_tokens(reached, window, select, ranks=plan.ranks)
    if shown is None:
        shown = _along(reached, window, select, ranks=plan.ranks)
    if plan.ranks and len(shown) < window.size:
        # Less there than was counted at the last rollup: the page goes on behind.
        rest = [rank for rank in window.ranks() if rank not in plan.ranks]
        shown += (rest and _by_tokens(reached, window, select, ranks=rest)) or []
        shown = web.in_order(shown, keys=window.keys, cursor=window.cursor)[: window.size]
    return shown


@dataclass(frozen=True, slots=True)
class Plan:
    """The severities in which the window lies (none: in any), and whether to take the findings there
    by their tokens.
    """

    ranks: tuple[int, ...]
    is_few: bool


def _plan(found: Numbers, window: Window) -> Plan:
    if found.inside is None:
        # Nobody knows how many have these words: few, until too many are found.
        return Plan((), True)
    everything = sum(found.inside.values())
    if not window.is_by_severity:
        many = sum(found.all.values())
        way = min(_UNSURE * window.size * many / max(everything, 1), many)
        return Plan((), _TOKENS_AT_ALL + _BY_TOKEN * everything < way)
    ranks: list[int] = []
    met, way = 0, 0.0
    for number, rank in enumerate(window.ranks()):
        few = found.inside.get(rank, 0)
        if met >= window.size:
            break
        if few:
            many = max(found.all.get(rank, 0), few)
            ranks.append(rank)
            way += min(window.size * many / few, many)
            # Of the cursor's own severity nobody knows how many are still to come.
            met += few if number or window.cursor is None else 0
    if met < window.size:
        ranks, way = [], float(sum(found.all.values()))
    few = sum(found.inside.get(rank, 0) for rank in ranks or RANKS.values())
    return Plan(tuple(ranks), _TOKENS_AT_ALL + _BY_TOKEN * few < way)


def _along(
    reached: Reach,
    window: Window,
    select: "Select[Row]",
    *,
    ranks: Sequence[int] = (),
    is_small: bool = False,
) -> list[Row]:
    """Follow the index of the order; in one go where that is a matter of few findings."""
    condition = reaching.within(reached, but=_of_the_order(window))
    matching = _compared(Finding.objects.all(), condition, is_estimated=is_small)
    matching = search.narrow_by(matching, reached.words)
    matching = _in_ranks(matching.filter(_order_condition(reached, window)), ranks)
    if is_small or not window.is_by_severity:
        return _read(matching.filter(status__in=reached.statuses), window, select)
    # The index begins with the status: several of them are several stretches.
    stretches = [
        _read(matching.filter(status=status), window, select) for status in reached.statuses
    ]
    if len(stretches) == 1:
        return stretches[0]
    found = [row for stretch in stretches for row in stretch]
    return web.in_order(found, keys=window.keys, cursor=window.cursor)[: window.size]


def _by_tokens(
    reached: Reach, window: Window, select: "Select[Row]", *, ranks: Sequence[int] = ()
) -> list[Row] | None:
    """Take all that there are, and sort them; None when they are many after all."""
    texts = reaching.tokened(reached, ranks)
    rest: Sequence[str] = ()
    if reached.words:
        helpful = search.selective(reached.words) or reached.words
        rest = [word for word in reached.words if word not in helpful]
        texts = search.narrow_texts(texts, helpful)
    found = list(texts.values_list("pk", flat=True)[: _COLLECTED + 1])
    if len(found) > _COLLECTED:
        return None
    matching: QuerySet[Finding] = Finding.objects.filter(pk__in=found, status__in=reached.statuses)
    matching = search.narrow_by(_compared(matching, reaching.within(reached)), rest)
    return _read(_in_ranks(matching, ranks), window, select)


def _read(matching: "QuerySet[Finding]", window: Window, select: "Select[Row]") -> list[Row]:
    return web.window(select(matching), keys=window.keys, cursor=window.cursor, size=window.size)


def _in_ranks(matching: "QuerySet[Finding]", ranks: Sequence[int]) -> "QuerySet[Finding]":
    """A range of the index; what lies between is compared by the filters."""
    if not ranks:
        return matching
    return matching.filter(severity_rank__gte=min(ranks), severity_rank__lte=max(ranks))


def _of_the_order(window: Window) -> tuple[str, ...]:
    """The dimension whose filter is a range of the index that the order follows."""
    return {"due_at": ("slas",), "opened_at": ("ages",)}.get(window.keys[0].field, ())


def _order_condition(reached: Reach, window: Window) -> Q:
    names = _of_the_order(window)
    others = [name for name in narrowing.DIMENSIONS if name not in names]
    return narrowing.condition(reached.filters, as_of=reached.as_of, but=others)
