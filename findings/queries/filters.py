"""What a list of findings is narrowed to, said once for rows, totals, facets and exports alike."""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from django.db.models import Q, QuerySet

from findings.models import AGE_DAYS, SOON_DAYS, Age, CountState, Exposure, Finding, Sla, Status


@dataclass(frozen=True, slots=True)
class Filters:
    """Empty means "not narrowed". An OU stands for everything below it.

    Ages and due dates are those as of `counted_at()`, so that rows and counts agree. `q` is words of
    a title, resource or id, each from its beginning. NONE stands for "has no value".
    """

    severities: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ("OPEN",)
    workflows: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()  # control ids
    products: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()  # 12 digits
    environments: tuple[str, ...] = ()
    ou_path: str = ""
    teams: tuple[str, ...] = ()  # slugs
    regions: tuple[str, ...] = ()
    resource_types: tuple[str, ...] = ()
    ages: tuple[str, ...] = ()  # of Age
    slas: tuple[str, ...] = ()  # of Sla
    exposures: tuple[str, ...] = ()  # of Exposure
    excepted: tuple[str, ...] = ()  # "yes", "no"
    q: str = ""

    @property
    def is_open_only(self) -> bool:
        return self.statuses == ("OPEN",)

    @property
    def active(self) -> tuple[str, ...]:
        """The names of the dimensions that are narrowed, without the status and the words."""
        return tuple(
            name for name in DIMENSIONS if name not in ("statuses",) and getattr(self, name)
        )


# A value to filter by: nothing is said, such as no team. Where empty values occur.
NONE: Final = "none"

# Every dimension of the facets, and the column of Finding that it reads.
DIMENSIONS: Mapping[str, str] = MappingProxyType(
    {
        "severities": "severity",
        "statuses": "status",
        "workflows": "workflow",
        "areas": "control__area",
        "controls": "control__control_id",
        "products": "product",
        "accounts": "account__account_id",
        "environments": "account__environment",
        "ou_path": "account__ou__path",
        "teams": "account__team__slug",
        "regions": "region",
        "resource_types": "resource_type",
        "ages": "opened_at",
        "slas": "due_at",
        "exposures": "is_public",
        "excepted": "is_excepted",
    }
)
# Those in which a finding may have no value.
MAY_BE_NONE: Final = frozenset({"areas", "environments", "teams", "regions", "resource_types"})
_OF_ACCOUNT: Final = "account__"
_OF_CONTROL: Final = "control__"
_NO_TIME: Final = datetime.max.replace(tzinfo=UTC)
_PUBLIC = {Exposure.PUBLIC: True, Exposure.PRIVATE: False, Exposure.UNKNOWN: None}


def counted_at(now: datetime) -> datetime:
    """The moment as of which the counts stand; `now` before anything has been counted. One query."""
    return CountState.objects.values_list("as_of", flat=True).first() or now


def narrow(
    rows: "QuerySet[Finding]", filters: Filters, *, as_of: datetime, but: Container[str] = ()
) -> "QuerySet[Finding]":
    """The findings within every dimension, or every one `but` those. The words are not looked at.

    :param as_of: `counted_at()`: what ages and due dates are compared with.
    """
    for narrowed in _conditions(filters, DIMENSIONS, as_of=as_of, but=but):
        rows = rows.filter(narrowed)
    return rows


def condition(filters: Filters, *, as_of: datetime, but: Container[str] = ()) -> Q:
    """The same as one condition on Finding."""
    return _all(_conditions(filters, DIMENSIONS, as_of=as_of, but=but))


def account_condition(filters: Filters) -> Q:
    """What the filters ask of the account of a finding, as a condition on Account."""
    columns = {
        name: column.removeprefix(_OF_ACCOUNT)
        for name, column in DIMENSIONS.items()
        if column.startswith(_OF_ACCOUNT)
    }
    # No filter of an account has anything to do with time.
    return _all(_conditions(filters, columns, as_of=_NO_TIME))


def control_condition(filters: Filters) -> Q:
    """What the filters ask of the control of a finding, as a condition on Control."""
    columns = {
        name: column.removeprefix(_OF_CONTROL)
        for name, column in DIMENSIONS.items()
        if column.startswith(_OF_CONTROL)
    }
    return _all(_conditions(filters, columns, as_of=_NO_TIME))


def _conditions(
    filters: Filters, columns: Mapping[str, str], *, as_of: datetime, but: Container[str] = ()
) -> Iterator[Q]:
    for name, column in columns.items():
        chosen = getattr(filters, name)
        if chosen and name not in but:
            yield _condition(name, column, chosen, as_of)


def _condition(name: str, column: str, chosen: "str | tuple[str, ...]", as_of: datetime) -> Q:
    if isinstance(chosen, str):
        return Q(**{f"{column}__startswith": chosen})
    if name == "ages":
        return _any(_age(Age(value), as_of) for value in chosen)
    if name == "slas":
        return _any(_sla(Sla(value), as_of) for value in chosen)
    if name == "exposures":
        return _any(_exposure(Exposure(value)) for value in chosen)
    if name == "excepted":
        return _any(Q(is_excepted=value == "yes") for value in chosen)
    within = Q(**{f"{column}__in": list(chosen)})
    if NONE in chosen and name in MAY_BE_NONE:
        within |= Q(**{column.removesuffix("__slug"): None} if name == "teams" else {column: ""})
    return within


def _all(conditions: Iterable[Q]) -> Q:
    joined = Q()
    for condition in conditions:
        joined &= condition
    return joined


def _any(conditions: Iterable[Q]) -> Q:
    joined = Q()
    for condition in conditions:
        joined |= condition
    return joined


def _exposure(value: Exposure) -> Q:
    public = _PUBLIC[value]
    return Q(is_public=None) if public is None else Q(is_public=public)


def _age(age: Age, as_of: datetime) -> Q:
    """Whole days since it was opened: the bounds of findings.rollups, which a test compares."""
    newest = {Age.MONTH: Age.WEEK, Age.QUARTER: Age.MONTH, Age.OLDER: Age.QUARTER}
    condition = Q(status=Status.OPEN)
    if age in newest:
        condition &= Q(opened_at__lte=as_of - timedelta(days=AGE_DAYS[newest[age]]))
    if age in AGE_DAYS:
        condition &= Q(opened_at__gt=as_of - timedelta(days=AGE_DAYS[age]))
    return condition


def _sla(sla: Sla, as_of: datetime) -> Q:
    soon = as_of + timedelta(days=SOON_DAYS)
    return (
        Q(status=Status.OPEN)
        & {
            Sla.OVERDUE: Q(due_at__lt=as_of),
            Sla.SOON: Q(due_at__gte=as_of, due_at__lt=soon),
            Sla.LATER: Q(due_at__gte=soon),
            Sla.NONE: Q(due_at=None),
        }[sla]
    )
