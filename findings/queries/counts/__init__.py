"""How many findings there are: sums kept by the rollups, so that every page says the same number.

A total and its facets agree: the choices of a facet add up to what the total would be without the
facet's own filter. For people who may not read findings there is nothing to count: narrowed enough, a
count tells a single one.
"""

from dataclasses import replace
from datetime import datetime

from findings import access as findings_access
from findings.queries import search
from findings.queries.counts import choices, cube, found, many, sums
from findings.queries.counts.shapes import (
    COUNTED,
    FACETS,
    SHOWN,
    Choice,
    Facet,
    Kind,
    Summary,
    Tally,
    Total,
)
from findings.queries.counts.values import Known, Wanted
from findings.queries.filters import Filters
from inventory import access
from inventory.access import AnyUser

__all__ = [
    "COUNTED",
    "FACETS",
    "SHOWN",
    "Choice",
    "Facet",
    "Kind",
    "Summary",
    "Total",
    "facet",
    "summary",
    "total",
]


def summary(user: AnyUser, filters: Filters, *, now: datetime) -> Summary:
    """Total and facets out of one reading, so that they agree. Nine queries at most.

    Facets of many values are lazy: they have the chosen ones only, and `facet` reads the rest.
    """
    if not findings_access.may_read(user):
        return Summary(Total(0), (), Total(0))
    known = Known.read(user, filters)
    wanted = Wanted(known, {kind.name for kind in FACETS if not known.is_lazy(kind)})
    tally = _tally(user, filters, wanted, now=now)
    facets = (choices.facet(kind, tally, known, filters) for kind in FACETS)
    none = Filters(statuses=())
    all_known = Wanted(replace(known, filters=none), set())
    everything = _tally(user, none, all_known, now=now).total
    return Summary(tally.total, tuple(facets), everything)


def facet(
    user: AnyUser, filters: Filters, name: str, *, now: datetime, contains: str = ""
) -> Facet:
    """One facet with the most frequent of its values and those chosen. Seven queries at most.

    :param contains: only values with this in their id or name, in any case, and those chosen.
    :raises KeyError: when there is no facet of that name.
    """
    kind = next((kind for kind in FACETS if kind.name == name), None)
    if kind is None:
        raise KeyError(name)
    if not findings_access.may_read(user):
        return Facet(kind.name, kind.title, kind.is_single, ())
    known = Known.read(user, filters)
    others = known.without(kind)
    tally = _tally(user, others.filters, Wanted(others, {name}), now=now)
    return choices.opened(kind, tally, known, filters, contains=contains)


def total(user: AnyUser, filters: Filters, *, now: datetime) -> Total:
    """How many findings are within the filters. Five queries at most."""
    if not findings_access.may_read(user):
        return Total(0)
    known = Known.read(user, filters)
    return _tally(user, filters, Wanted(known, set()), now=now).total


def _tally(user: AnyUser, filters: Filters, wanted: Wanted, *, now: datetime) -> Tally:
    if search.words(filters.q):
        return found.tally(user, filters, wanted, now=now)
    if access.scope_of(user).everything:
        tally = sums.tally(wanted)
        return many.tally(wanted) if tally is None else tally
    accounts, part = cube.accounts_of(user), wanted.known.part()
    # Sums are of where accounts were when they were counted, what a person sees of where they are.
    if part is not None and wanted.known.is_as_counted(part, accounts):
        tally = sums.tally(wanted, part)
        if tally is not None:
            return tally
    return cube.tally(wanted, accounts=accounts)
