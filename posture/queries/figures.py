"""Sums into what a page shows: scores, letters, changes and weeks. No query in here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from posture import scoring
from posture.models import AccountDay, OuDay

WEEKS = 13
DAYS_A_WEEK = 7
SUMS = (
    "managed_n",
    "managed_d",
    "raw_n",
    "raw_d",
    "coverage_n",
    "coverage_d",
    "exception_n",
    "exception_d",
    "failed",
)
COUNTS = (
    "open_critical",
    "open_high",
    "open_medium",
    "open_low",
    "overdue_critical",
    "overdue_high",
)


@dataclass(frozen=True, slots=True)
class Figures:
    """One rollup row, or the sum of some: an OU, an account or a person's accounts on a day.

    `accounts` are scored, `accounts_evaluated` of those have a score, `accounts_total` are all.
    """

    day: date
    sums: scoring.Sums
    open_critical: int = 0
    open_high: int = 0
    open_medium: int = 0
    open_low: int = 0
    overdue_critical: int = 0
    overdue_high: int = 0
    accounts: int = 0
    accounts_evaluated: int = 0
    accounts_total: int = 0
    accounts_overdue_critical: int = 0
    accounts_overdue_high: int = 0

    @property
    def score(self) -> scoring.Score:
        return scoring.score(self.sums)

    @property
    def managed(self) -> Decimal | None:
        """The score alone; the whole `score` takes four times as long."""
        return scoring.managed(self.sums)

    @property
    def grade(self) -> scoring.Grade:
        return self.graded(self.score)

    def graded(self, score: scoring.Score) -> scoring.Grade:
        """:param score: its own, where that is at hand."""
        gates = scoring.GateInputs(
            self.accounts_evaluated, self.accounts_overdue_critical, self.accounts_overdue_high, 0
        )
        return scoring.grade(score, gates)

    @property
    def severities(self) -> tuple[tuple[str, int], ...]:
        """Open findings by severity, as the stacked bar takes them."""
        return (
            ("critical", self.open_critical),
            ("high", self.open_high),
            ("medium", self.open_medium),
            ("low", self.open_low),
        )

    @property
    def by_severity(self) -> tuple["SeverityLine", ...]:
        return (
            SeverityLine("CRITICAL", self.open_critical, self.overdue_critical, True),
            SeverityLine("HIGH", self.open_high, self.overdue_high, True),
            SeverityLine("MEDIUM", self.open_medium, 0, False),
            SeverityLine("LOW", self.open_low, 0, False),
        )


@dataclass(frozen=True, slots=True)
class SeverityLine:
    """Open findings of a severity; `overdue` is counted where `has_gate`: a late one caps a grade."""

    code: str
    open: int
    overdue: int
    has_gate: bool


def _sums(values: Mapping[str, Any]) -> scoring.Sums:
    amounts: dict[str, Any] = {name: values[name] or 0 for name in SUMS}
    return scoring.Sums(**amounts)


def of_ou(row: OuDay) -> Figures:
    values = {name: getattr(row, name) for name in (*SUMS, *COUNTS)}
    return Figures(
        day=row.day,
        sums=_sums(values),
        **{name: values[name] for name in COUNTS},
        accounts=row.accounts,
        accounts_evaluated=row.accounts_evaluated,
        accounts_total=row.accounts_total,
        accounts_overdue_critical=row.accounts_overdue_critical,
        accounts_overdue_high=row.accounts_overdue_high,
    )


def of_account(row: AccountDay) -> Figures:
    values = {name: getattr(row, name) for name in (*SUMS, *COUNTS)}
    return Figures(
        day=row.day,
        sums=_sums(values),
        **{name: values[name] for name in COUNTS},
        accounts=int(row.is_scored),
        accounts_evaluated=int(bool(row.managed_d)),
        accounts_total=1,
        accounts_overdue_critical=int(row.overdue_critical > 0),
        accounts_overdue_high=int(row.overdue_high > 0),
    )


def of_columns(day: date, columns: Sequence[Any]) -> Figures:
    """:param columns: those of SUMS, and then the counts of Figures in its order; none is None."""
    sums = len(SUMS)
    return Figures(day, scoring.Sums(*columns[:sums]), *columns[sums:])


def of_totals(values: Mapping[str, Any]) -> Figures:
    """Sums that the database made over rows of accounts; its names are those of the fields."""
    counts = (
        "accounts",
        "accounts_evaluated",
        "accounts_total",
        "accounts_overdue_critical",
        "accounts_overdue_high",
    )
    named = {name: values[name] or 0 for name in (*COUNTS, *counts)}
    return Figures(day=values["day"], sums=_sums(values), **named)


@dataclass(frozen=True, slots=True)
class History:
    """The newest figures of each of the last 13 weeks; week 0 ends on `day`, week 1 a week before.

    A week without a rollup has no entry: a gap, not a zero. `previous` are the figures of the day
    rolled up before the newest: an upgrade waits until it has lasted for two.
    """

    day: date
    by_week: Mapping[int, Figures] = field(default_factory=dict)
    previous: Figures | None = None

    @property
    def now(self) -> Figures | None:
        """The newest figures there are, however old within the 13 weeks."""
        return self.by_week[min(self.by_week)] if self.by_week else None

    @property
    def before(self) -> Figures | None:
        """The newest of a week ago or earlier; None when nothing is newer than that."""
        earlier = [week for week in self.by_week if week]
        return self.by_week[min(earlier)] if earlier and 0 in self.by_week else None

    @property
    def standing(self) -> "Standing":
        return standing(self.now, self.before, previous=self.previous)

    @property
    def weeks(self) -> tuple[tuple[str, Figures | None], ...]:
        """(ISO week of its last day, figures), oldest first."""
        return tuple(
            (week_label(self.day - timedelta(days=DAYS_A_WEEK * week)), self.by_week.get(week))
            for week in range(WEEKS - 1, -1, -1)
        )

    @property
    def trend(self) -> tuple[tuple[str, Decimal | None], ...]:
        """(week, score), as the trend chart takes it."""
        return tuple((label, row.managed if row else None) for label, row in self.weeks)

    @property
    def scores(self) -> tuple[Decimal | None, ...]:
        return tuple(value for _, value in self.trend)


def week_label(day: date) -> str:
    return f"W{day.isocalendar().week}"


def week_of(row_day: date, *, day: date) -> int:
    """How many whole weeks before `day` a row is."""
    return (day - row_day).days // DAYS_A_WEEK


def history(rows: Iterable[Figures], *, day: date) -> History:
    """The newest row of each week; rows in any order, none after `day`."""
    by_week: dict[int, Figures] = {}
    newest_first = sorted(rows, key=lambda row: row.day, reverse=True)
    for row in newest_first:
        week = week_of(row.day, day=day)
        if week < WEEKS:
            by_week.setdefault(week, row)
    return History(day, by_week, newest_first[1] if len(newest_first) > 1 else None)


@dataclass(frozen=True, slots=True)
class Standing:
    """How something stands, ready to be shown. Percentages have one decimal; None is "no data".

    `delta` is the shown score minus the one shown a week ago. `reason` says the letter and what
    capped it or holds it back; `as_of` is the day of the figures.
    """

    score: Decimal | None = None
    raw: Decimal | None = None
    coverage: Decimal | None = None
    exception_load: Decimal | None = None
    letter: str = "NR"
    uncapped: str = "NR"
    reason: str = "NR (no data yet)"
    delta: Decimal | None = None
    as_of: date | None = None
    figures: Figures | None = None

    @property
    def tone(self) -> str:
        """The colour of its sparkline: worse weeks in crimson, better ones in blue-green."""
        if self.delta is None or not self.delta:
            return ""
        return "ok" if self.delta > 0 else "bad"


def standing(
    now: Figures | None, before: Figures | None = None, *, previous: Figures | None = None
) -> Standing:
    """:param previous: the day rolled up before; a better letter than its own is held back."""
    if now is None:
        return Standing()
    score = now.score
    grade = scoring.held(now.graded(score), previous.grade if previous else None)
    earlier = before.managed if before else None
    return Standing(
        score=score.managed,
        raw=score.raw,
        coverage=score.coverage,
        exception_load=score.exception_load,
        letter=str(grade.letter),
        uncapped=str(grade.uncapped),
        reason=grade.explain(),
        delta=None if earlier is None or score.managed is None else score.managed - earlier,
        as_of=now.day,
        figures=now,
    )


@dataclass(frozen=True, slots=True)
class Measure:
    """A number with its change in a week and its 13 weeks, for a tile. None is "no data"."""

    value: Decimal | int | None
    delta: Decimal | int | None
    series: tuple[Decimal | int | None, ...]
    is_better_higher: bool = False

    @property
    def tone(self) -> str:
        """The colour of its sparkline: blue-green while it gets better, crimson while worse."""
        if not self.delta:
            return ""
        return "ok" if (self.delta > 0) == self.is_better_higher else "bad"


def measure(past: History, name: str) -> Measure:
    """:param name: `coverage`, or a count of Figures, or `failed`."""

    def read(row: Figures | None) -> Decimal | int | None:
        if row is None:
            return None
        if name == "coverage":
            return row.score.coverage
        value: int = row.sums.failed if name == "failed" else getattr(row, name)
        return value

    value, earlier = read(past.now), read(past.before)
    delta = None if value is None or earlier is None else value - earlier
    series = tuple(read(row) for _, row in past.weeks)
    return Measure(value, delta, series, is_better_higher=name == "coverage")
