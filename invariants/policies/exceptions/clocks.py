"""Clocks of exceptions: business days, how long each wait may take, how long an exception may last.

The numbers are data with a version, which a record keeps: other numbers do not change what was promised.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from invariants.models.exceptions import ExceptionState as State
from invariants.models.exceptions import Risk

SATURDAY: Final = 5
MOST_RENEWALS: Final = 2


@dataclass(frozen=True, slots=True)
class Span:
    """So many business days, or so many hours of the clock on the wall."""

    business_days: int = 0
    hours: int = 0

    @property
    def words(self) -> str:
        count, unit = (self.hours, "hour") if self.hours else (self.business_days, "business day")
        return f"{count} {unit}{'' if count == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Clocks:
    """`decision` and `most_days` by risk. `removal` runs from the end, `implementation` from the approval,
    `decision` from the triage. `notices`: days before the last day."""

    triage: Span
    decision: Mapping[str, Span]
    changes: Span
    implementation: Span
    removal: Span
    emergency_grant: Span
    emergency_approval: Span
    emergency_stop: timedelta
    most_days: Mapping[str, int]
    notices: tuple[int, ...]
    expiring_days: int


# invariants.md 5.4. It says nothing of changes asked for, nor of decisions on critical risks.
VERSIONS: Final[Mapping[int, Clocks]] = MappingProxyType(
    {
        1: Clocks(
            triage=Span(1),
            decision=MappingProxyType(
                {
                    Risk.LOW: Span(3),
                    Risk.MEDIUM: Span(5),
                    Risk.HIGH: Span(10),
                    Risk.CRITICAL: Span(10),
                }
            ),
            changes=Span(10),
            implementation=Span(2),
            removal=Span(2),
            emergency_grant=Span(hours=4),
            emergency_approval=Span(hours=48),
            emergency_stop=timedelta(hours=72),
            most_days=MappingProxyType(
                {Risk.LOW: 365, Risk.MEDIUM: 180, Risk.HIGH: 90, Risk.CRITICAL: 30}
            ),
            notices=(30, 14, 7, 1),
            expiring_days=30,
        )
    }
)
NEWEST: Final = max(VERSIONS)


@dataclass(frozen=True, slots=True)
class Times:
    """What the clock of a record looks at. `risk` is the residual risk, or the severity before that."""

    state: str
    since: datetime
    risk: str
    is_emergency: bool
    triaged_at: datetime | None
    approved_at: datetime | None
    granted_at: datetime | None
    ended_at: datetime | None
    version: int = NEWEST


@dataclass(frozen=True, slots=True)
class Calendar:
    """The organisation's: its time zone, and days that are no business days besides weekends."""

    zone: ZoneInfo
    holidays: Collection[date] = ()

    def day_of(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def is_business_day(self, day: date) -> bool:
        return day.weekday() < SATURDAY and day not in self.holidays

    def after(self, moment: datetime, span: Span) -> datetime:
        """When the span is over. What comes on a day off counts from the beginning of the next
        business day; otherwise the same time of the day is meant, as the clock on the wall shows it."""
        if span.hours:
            return moment + timedelta(hours=span.hours)
        local = moment.astimezone(self.zone)
        day, at = local.date(), local.time()
        if not self.is_business_day(day):
            day, at = self._next(day), time()
        for _ in range(span.business_days):
            day = self._next(day)
        return datetime.combine(day, at, self.zone).astimezone(moment.tzinfo)

    def _next(self, day: date) -> date:
        day += timedelta(days=1)
        while not self.is_business_day(day):
            day += timedelta(days=1)
        return day


def due_at(times: Times, calendar: Calendar) -> datetime | None:
    """By when whoever is waited for has to have acted; None where nobody is waited for."""
    clocks = VERSIONS[times.version]
    match times.state:
        case State.SUBMITTED:
            span = clocks.emergency_grant if times.is_emergency else clocks.triage
            return calendar.after(times.since, span)
        case State.TRIAGED | State.RISK_ASSESSED:
            span = clocks.decision[Risk(times.risk)]
            return calendar.after(times.triaged_at or times.since, span)
        case State.CHANGES_REQUESTED:
            return calendar.after(times.since, clocks.changes)
        case State.EMERGENCY:
            return calendar.after(times.granted_at or times.since, clocks.emergency_approval)
        case State.APPROVED | State.IMPLEMENTING:
            return calendar.after(times.approved_at or times.since, clocks.implementation)
        case State.EXPIRED | State.REVOKED | State.CLOSING:
            return calendar.after(times.ended_at or times.since, clocks.removal)
    return None


def worst(*risks: str) -> str:
    """The gravest of those given; "" is none."""
    order = list(Risk.values)
    return max((r for r in risks if r), key=order.index, default="")


def last_day(starts_on: date, asked_until: date, *, risk: str, version: int = NEWEST) -> date:
    """The last day on which it may hold: the one asked for, or where the limit of the risk cuts it.

    Both days count: an exception of 30 days that starts on the 1st lasts to the 30th.
    """
    longest = timedelta(days=VERSIONS[version].most_days[Risk(risk)] - 1)
    # The calendar ends with the year 9999: no day is reckoned that is later than the one asked for.
    return asked_until if asked_until - starts_on <= longest else starts_on + longest


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The moment at which the day is over."""
    return datetime.combine(day + timedelta(days=1), time(), zone)


def halfway(starts_on: date, until: date) -> date:
    """When it is to be looked at again: half of its life."""
    return starts_on + (until - starts_on) / 2


def is_expiring(today: date, until: date, *, version: int = NEWEST) -> bool:
    return today >= until - timedelta(days=VERSIONS[version].expiring_days)


def notice_due(today: date, until: date, *, version: int = NEWEST) -> int | None:
    """The notice that is to be given now: the last one that is due; those missed before it are past.

    None while the first is not due yet, and once it is over.
    """
    left = (until - today).days
    if left < 0:
        return None
    return min((days for days in VERSIONS[version].notices if days >= left), default=None)
