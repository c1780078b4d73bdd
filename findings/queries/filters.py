"""What a list of findings is narrowed to, said once for rows, totals and facets alike."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db.models import Q, QuerySet

from findings.models import Finding, FindingCount

Counted = TypeVar("Counted", Finding, FindingCount)

# Dimensions that both Finding and FindingCount carry, and how each narrows either.
_LOOKUPS = {
    "severities": "severity__in",
    "statuses": "status__in",
    "areas": "control__area__in",
    "products": "product__in",
    "regions": "region__in",
    "ou_path": "account__ou__path__startswith",
    "account_id": "account__account_id",
    "control_id": "control__control_id",
}


@dataclass(frozen=True, slots=True)
class Filters:
    """Empty means "not narrowed". An OU stands for everything below it.

    `q` is part of a title, resource, id, control or account; `is_overdue`: past the due date.
    """

    severities: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ("OPEN",)
    areas: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    ou_path: str = ""
    account_id: str = ""
    control_id: str = ""
    q: str = ""
    is_overdue: bool = False

    @property
    def is_open_only(self) -> bool:
        return self.statuses == ("OPEN",)

    @property
    def is_countable(self) -> bool:
        """Whether FindingCount can count it: it knows neither texts nor due dates."""
        return not (self.q or self.is_overdue)


def narrow(
    rows: "QuerySet[Counted]", filters: Filters, *, but: Container[str] = ()
) -> "QuerySet[Counted]":
    """The rows within every dimension, or every one `but` those."""
    chosen = {
        lookup: list(value) if isinstance(value, tuple) else value
        for name, lookup in _LOOKUPS.items()
        if name not in but and (value := getattr(filters, name))
    }
    return rows.filter(**chosen)


def search(rows: "QuerySet[Finding]", filters: Filters, *, now: datetime) -> "QuerySet[Finding]":
    """What only the findings themselves know: words in them, and their due dates."""
    if filters.is_overdue:
        rows = rows.filter(due_at__lt=now)
    if not filters.q:
        return rows
    fields = (
        "title",
        "resource_id",
        "finding_id",
        "control__control_id",
        "account__name",
        "account__account_id",
    )
    words = Q()
    for field in fields:
        words |= Q(**{f"{field}__icontains": filters.q})
    return rows.filter(words)
