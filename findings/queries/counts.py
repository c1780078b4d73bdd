"""How many findings there are: sums over FindingCount, so that every page says the same number."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from django.db.models import Sum

from findings.models import Area, Finding, FindingCount, Severity
from findings.queries import filters as narrowing
from findings.queries.filters import Filters
from inventory.access import AnyUser
from inventory.models import OrganizationalUnit
from inventory.queries import tree

# A list that has to be counted row by row is counted this far.
COUNTED = 10_000
_OUS_SHOWN = 15
# The dimensions of the facets, and where FindingCount has them.
_COLUMNS = {
    "severities": "severity",
    "statuses": "status",
    "areas": "control__area",
    "products": "product",
    "regions": "region",
    "ou_path": "account__ou__path",
}
# Findings by value, for each dimension.
Counts: TypeAlias = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Total:
    """`is_exact` is False when there are more than were counted."""

    findings: int
    is_exact: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a facet; `findings` is None where it cannot be counted exactly."""

    value: str
    label: str
    findings: int | None
    is_on: bool
    indent: int = 0


@dataclass(frozen=True, slots=True)
class Facet:
    """The values of one dimension, each counted within all other filters."""

    name: str
    title: str
    is_single: bool
    choices: tuple[Choice, ...]

    @property
    def on(self) -> int:
        return sum(choice.is_on and bool(choice.value) for choice in self.choices)


@dataclass(frozen=True, slots=True)
class Summary:
    """The total of a list of findings, and what it can be narrowed to."""

    total: Total
    facets: tuple[Facet, ...]


def summary(user: AnyUser, filters: Filters, *, now: datetime) -> Summary:
    """Total and facets out of one reading, so that they agree.

    Two queries, and one more where only the findings themselves can be counted (words, due dates).
    """
    total, counts = _counted(user, filters)
    is_exact = filters.is_countable
    return Summary(
        Total(total) if is_exact else _counted_one_by_one(user, filters, now=now),
        (
            _fixed("severity", "Severity", Severity.choices, counts, filters),
            _fixed("status", "Status", Finding.Status.choices, counts, filters),
            _fixed("area", "Security area", Area.choices, counts, filters),
            _ou_facet(user, counts, filters),
            _open("product", "Product", counts, filters),
            _open("region", "Region", counts, filters),
        ),
    )


def _counted_one_by_one(user: AnyUser, filters: Filters, *, now: datetime) -> Total:
    rows = narrowing.narrow(Finding.objects.visible_to(user), filters)
    counted = narrowing.search(rows, filters, now=now).order_by()[: COUNTED + 1].count()
    return Total(min(counted, COUNTED), is_exact=counted <= COUNTED)


def _counted(user: AnyUser, filters: Filters) -> tuple[int, Counts]:
    """The total, and each dimension counted within all filters but its own. One query.

    A row that only one filter shuts out counts in the facet of that filter, and nowhere else.
    """
    rows = narrowing.narrow(FindingCount.objects.visible_to(user), filters, but=_COLUMNS)
    cube = rows.values_list(*_COLUMNS.values()).annotate(number=Sum("findings")).order_by()
    counts: dict[str, Counter[str]] = {name: Counter() for name in _COLUMNS}
    chosen = {name: getattr(filters, name) for name in _COLUMNS}
    total = 0
    for *values, number in cube:
        by_name = dict(zip(_COLUMNS, values, strict=True))
        outside = [name for name, value in by_name.items() if not _within(value, chosen[name])]
        if not outside:
            total += number
        if len(outside) <= 1:
            for name in outside or by_name:
                counts[name][by_name[name]] += number
    return total, counts


def _within(value: str, chosen: str | tuple[str, ...]) -> bool:
    """An OU path is chosen by its beginning, everything else by its value; nothing chosen is all."""
    if isinstance(chosen, str):
        return value.startswith(chosen)
    return not chosen or value in chosen


_FIELDS = {
    "severity": "severities",
    "status": "statuses",
    "area": "areas",
    "product": "products",
    "region": "regions",
}


def _fixed(
    name: str, title: str, values: "list[tuple[str, str]]", counts: Counts, filters: Filters
) -> Facet:
    """A facet whose values are known beforehand; those without findings are shown, too."""
    return Facet(name, title, False, tuple(_choices(name, values, counts, filters)))


def _open(name: str, title: str, counts: Counts, filters: Filters) -> Facet:
    """A facet of whatever values there are, the most frequent first."""
    found = counts[_FIELDS[name]]
    values = {value for value in found if value} | set(getattr(filters, _FIELDS[name]))
    ordered = sorted(values, key=lambda value: (-found.get(value, 0), value))
    pairs = [(value, value) for value in ordered]
    return Facet(name, title, False, tuple(_choices(name, pairs, counts, filters)))


def _choices(
    name: str, values: "list[tuple[str, str]]", counts: Counts, filters: Filters
) -> Iterable[Choice]:
    found, chosen = counts[_FIELDS[name]], getattr(filters, _FIELDS[name])
    for value, label in values:
        findings = found.get(value, 0) if filters.is_countable else None
        yield Choice(value, label, findings, value in chosen)


def _ou_facet(user: AnyUser, counts: Counts, filters: Filters) -> Facet:
    """The OUs with most findings below them, in tree order. One query."""
    found = counts["ou_path"]
    visible = OrganizationalUnit.objects.visible_to(user).live().select_related("organization")
    ous = tree.in_tree_order([ou for ou in visible if not ou.is_root])
    sums = {ou.path: sum(n for path, n in found.items() if path.startswith(ou.path)) for ou in ous}
    largest = sorted(ous, key=lambda ou: (-sums[ou.path], ou.depth))[:_OUS_SHOWN]
    shown = {ou.path for ou in largest if sums[ou.path]} | {filters.ou_path}
    shallowest = min((ou.depth for ou in ous if ou.path in shown), default=1)
    choices = [
        Choice(
            ou.ou_id,
            ou.name,
            sums[ou.path] if filters.is_countable else None,
            ou.path == filters.ou_path,
            indent=min(ou.depth - shallowest, 3),
        )
        for ou in ous
        if ou.path in shown
    ]
    everything = Choice("", "All", None, not filters.ou_path)
    return Facet("ou", "Organisational unit", True, (everything, *choices) if choices else ())
