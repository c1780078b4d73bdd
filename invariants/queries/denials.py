"""What was denied: by which invariant, how often, on whom, since when.

Everything is of the accounts that the person sees. Retries make counts large, so that the number of
pairs of a principal and an action stands beside them. Where no events come in nothing is known, which
is None and never 0. A denial that several invariants may be behind counts for each of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from invariants.models import Denial, DenialDay, DenialServes, DeniedBy, Invariant
from invariants.queries.denial_rows import (
    SHOWN_DAYS,
    WINDOWS,
    DenialRow,
    Filters,
    ForInvariant,
    day_before,
    in_window,
    narrowed,
    page,
    policy_id,
    rows_of,
)
from invariants.queries.recording import Recorded, recorded
from inventory import access
from inventory.access import AnyUser
from inventory.web import Page

__all__ = [
    "SHOWN_DAYS",
    "WINDOWS",
    "DayCount",
    "DenialPage",
    "DenialRow",
    "Filters",
    "ForInvariant",
    "InvariantDenials",
    "Source",
    "denials",
    "last_7_by_invariant",
    "of_invariant",
    "page",
]

WEEK: Final = 7
ON_INVARIANT: Final = 8
MAX_SOURCES: Final = 100
_PAIRS: Final = Count("pk", distinct=True, filter=~Q(principal=""))


@dataclass(frozen=True, slots=True)
class DayCount:
    """`count` None: not recorded."""

    day: date
    count: int | None


@dataclass(frozen=True, slots=True)
class Source:
    """An invariant, or a policy that is tied to none, and what it denied within the days asked for.

    `pairs` are distinct principals with their action. `key` is "" of a policy.
    """

    key: str
    name: str
    type_name: str
    policy_id: str
    denied: int
    pairs: int
    accounts: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class InvariantDenials:
    """`last_7` and `pairs_7` None: nothing is known of these days. `since`: the first ever stored."""

    recorded: Recorded
    last_7: int | None
    pairs_7: int | None
    since: datetime | None
    days: tuple[DayCount, ...]
    rows: tuple[DenialRow, ...]
    is_more: bool

    @property
    def total(self) -> int | None:
        """Of SHOWN_DAYS; None where none of them is known."""
        known = [day.count for day in self.days if day.count is not None]
        return sum(known) if known else None

    @property
    def series(self) -> list[tuple[str, list[int | None]]]:
        return series(self.days)

    @property
    def labels(self) -> list[str]:
        return labels(self.days)


@dataclass(frozen=True, slots=True)
class DenialPage:
    """`denied` and `pairs` of the days asked for, None where nothing is known of them."""

    recorded: Recorded
    denied: int | None
    pairs: int | None
    days: tuple[DayCount, ...]
    sources: tuple[Source, ...]
    rows: Page[DenialRow]

    @property
    def series(self) -> list[tuple[str, list[int | None]]]:
        return series(self.days)

    @property
    def labels(self) -> list[str]:
        return labels(self.days)


def series(days: tuple[DayCount, ...]) -> list[tuple[str, list[int | None]]]:
    """As the chart of columns takes it."""
    return [("denied", [day.count for day in days])]


def labels(days: tuple[DayCount, ...]) -> list[str]:
    return [f"{day.day.day} {day.day:%b}" for day in days]


def last_7_by_invariant(user: AnyUser, *, today: date) -> dict[int, int] | None:
    """Requests denied in seven days, by primary key; None where nothing is known. Three queries."""
    if not recorded().any_of(_days(today, WEEK)):
        return None
    served = DenialServes.objects.visible_to(user).filter(
        denial__days__day__gt=day_before(today, WEEK), denial__days__day__lte=today
    )
    counted = served.values_list("invariant").annotate(denied=Sum("denial__days__count"))
    return dict(counted.order_by("invariant"))


def of_invariant(user: AnyUser, invariant: Invariant, *, today: date) -> InvariantDenials:
    """The denials of one invariant: days, and the principals that were denied last. Seven queries."""
    known = recorded()
    found = Denial.objects.visible_to(user).filter(serves__invariant=invariant)
    week = found.filter(days__day__gt=day_before(today, WEEK), days__day__lte=today).aggregate(
        denied=Coalesce(Sum("days__count"), 0),
        pairs=_PAIRS,
    )
    is_known = known.any_of(_days(today, WEEK))
    filters = Filters(invariant=invariant.key)
    rows = rows_of(
        user, in_window(user, filters, today=today), filters, today=today, size=ON_INVARIANT
    )
    return InvariantDenials(
        recorded=known,
        last_7=week["denied"] if is_known else None,
        pairs_7=week["pairs"] if is_known else None,
        since=found.aggregate(since=Min("first_at"))["since"],
        days=_by_day(found, known, today=today, days=SHOWN_DAYS),
        rows=rows.rows,
        is_more=bool(rows.next_cursor),
    )


def denials(user: AnyUser, filters: Filters, *, today: date, cursor_text: str = "") -> DenialPage:
    """Everything that the page shows. Nine queries."""
    known = recorded()
    found = in_window(user, filters, today=today)
    totals = found.aggregate(
        denied=Coalesce(Sum("days__count"), 0),
        pairs=_PAIRS,
    )
    is_known = known.any_of(_days(today, filters.days))
    return DenialPage(
        recorded=known,
        denied=totals["denied"] if is_known else None,
        pairs=totals["pairs"] if is_known else None,
        days=_by_day(narrowed(user, filters), known, today=today, days=filters.days),
        sources=_sources(user, found),
        rows=rows_of(user, found, filters, today=today, cursor_text=cursor_text),
    )


def _days(today: date, days: int) -> list[date]:
    return [today - timedelta(days=back) for back in range(days - 1, -1, -1)]


def _by_day(
    found: "QuerySet[Denial]", known: Recorded, *, today: date, days: int
) -> tuple[DayCount, ...]:
    stored = DenialDay.objects.filter(
        denial__in=found.order_by(), day__gt=day_before(today, days), day__lte=today
    )
    counts = dict(stored.values_list("day").annotate(all=Sum("count")).order_by("day"))
    return tuple(
        DayCount(day, counts.get(day, 0) if known.has(day) or day in counts else None)
        for day in _days(today, days)
    )


def _sources(user: AnyUser, found: "QuerySet[Denial]") -> tuple[Source, ...]:
    sums: dict[str, Any] = {
        "total": Sum("days__count"),
        "pairs": _PAIRS,
        "accounts": Count("aws_account_id", distinct=True),
        "first": Min("first_at"),
        "last": Max("last_at"),
    }
    is_whole = access.scope_of(user).everything
    served = found.exclude(serves=None).values(
        "serves__invariant__key", "serves__invariant__statement", "policy_type"
    )
    by_invariant = [
        Source(
            key=row["serves__invariant__key"],
            name=row["serves__invariant__statement"],
            type_name=DeniedBy(row["policy_type"]).label,
            policy_id="",
            **_sums(row),
        )
        for row in served.annotate(**sums).order_by("serves__invariant__key")
    ]
    names = ("policy_type", "is_explicit", "policy_arn", "policy__name")
    kept = names if is_whole else names[:2]
    unserved = found.filter(serves=None).values(*kept).annotate(**sums)
    by_policy = [
        Source(
            key="",
            name=_name(row),
            type_name=DeniedBy(row["policy_type"]).label,
            policy_id=policy_id(row.get("policy_arn", "")),
            **_sums(row),
        )
        for row in unserved.order_by(*kept)
    ]
    return (*_most(by_invariant), *_most(by_policy))


def _most(sources: list[Source]) -> list[Source]:
    return sorted(sources, key=lambda one: (-one.denied, one.name, one.key))[:MAX_SOURCES]


def _sums(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "denied": row["total"],
        "pairs": row["pairs"],
        "accounts": row["accounts"],
        "first_at": row["first"],
        "last_at": row["last"],
    }


def _name(row: Mapping[str, Any]) -> str:
    """What to call a policy that is tied to no invariant."""
    if not row["is_explicit"]:
        return "No policy allows it"
    if row.get("policy__name"):
        return str(row["policy__name"])
    if "policy_arn" not in row:
        return "A policy of the organisation"
    return "Unknown policy" if row["policy_arn"] else "Policy not named in the message"
