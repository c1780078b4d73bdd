"""The blocks of a week's page, as they are frozen. Percentages have one decimal; None is "no data"."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class OrganizationName:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ScoreBlock:
    """The organisation's score; percentages with one decimal, None is "no data"."""

    managed: Decimal | None = None
    raw: Decimal | None = None
    coverage: Decimal | None = None
    exception_load: Decimal | None = None
    letter: str = "NR"
    uncapped: str = "NR"
    reason: str = "NR (no data in this week)"
    delta: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Of the control chart over the weeks."""

    mean: Decimal
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class PartEntry:
    """A line beside a KPI; with a target of its own it counts in the KPI's status."""

    part: str
    name: str
    unit: str
    value: Decimal | None
    delta: Decimal | None
    is_better_higher: bool = True
    target: Decimal | None = None
    amber: Decimal | None = None
    status: str = "NO_TARGET"
    is_weighted: bool = False


@dataclass(frozen=True, slots=True)
class KpiEntry:
    """One KPI: `weeks` are 13, oldest first; `signals` are indexes of those that are no noise.

    `earlier` are older weeks that the limits were also reckoned from, by their last day; (None, None)
    stands for weeks between that were not. `status` is the worst of its own and its parts'. `is_weighted`: of weight, never too few to judge.
    `data_day` is the day of the value, `previous_day` that of the value it is compared with.
    """

    kpi: str
    name: str
    area: str
    is_headline: bool
    unit: str
    is_better_higher: bool
    value: Decimal | None
    previous: Decimal | None
    delta: Decimal | None
    target: Decimal | None
    amber: Decimal | None
    target_text: str
    status: str
    verdict: str
    weeks: tuple[tuple[str, Decimal | None], ...]
    limits: Limits | None
    signals: tuple[int, ...]
    owner: str
    numerator: Decimal | None
    denominator: Decimal | None
    covered: Decimal | None
    expected: Decimal | None
    coverage: Decimal | None
    data_day: date | None = None
    previous_day: date | None = None
    is_weighted: bool = False
    earlier: tuple[tuple[date | None, Decimal | None], ...] = ()
    parts: tuple[PartEntry, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_off_target(self) -> bool:
        return self.status == "OFF_TARGET"


@dataclass(frozen=True, slots=True)
class CauseEntry:
    """Why part of a change came about; `points` of score, unrounded."""

    part: str
    cause: str
    name: str
    points: Decimal
    cells: int


@dataclass(frozen=True, slots=True)
class ChangeBlock:
    """The split of the score's change since `before`: the four parts sum to `total` exactly."""

    before: date
    day: date
    exits: Decimal
    posture: Decimal
    entries: Decimal
    exceptions: Decimal
    total: Decimal
    before_score: Decimal | None
    after_score: Decimal | None
    causes: tuple[CauseEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class MoverEntry:
    """An OU that moved by work done in it: `posture` points of its own score."""

    ou_id: str
    label: str
    posture: Decimal
    score: Decimal | None
    reason: str


@dataclass(frozen=True, slots=True)
class Movers:
    up: tuple[MoverEntry, ...] = ()
    down: tuple[MoverEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class SlaLine:
    """`bands` are overdue findings by how late they are; `due_14` fall due within 14 days."""

    severity: str
    open: int | None
    overdue: int | None
    bands: tuple[tuple[str, int], ...] = ()
    attainment: Decimal | None = None
    due_14: int | None = None


@dataclass(frozen=True, slots=True)
class TierLine:
    """Vulnerabilities of one deadline."""

    tier: str
    open: int
    overdue: int


@dataclass(frozen=True, slots=True)
class SlaBlock:
    severities: tuple[SlaLine, ...] = ()
    tiers: tuple[TierLine, ...] = ()


@dataclass(frozen=True, slots=True)
class FlowWeek:
    week: str
    opened: int | None
    reopened: int | None
    closed: int | None
    net: int | None


@dataclass(frozen=True, slots=True)
class ExceptionBlock:
    """`bands` are exceptions by age; `granted` is (risk, how many) of the week. None: not measured.

    `third_periods` are exceptions renewed twice, as (reference, title).
    """

    load: Decimal | None = None
    active: int | None = None
    expiring_30: int | None = None
    expired: int | None = None
    renewed_twice: int | None = None
    suppressed_unapproved: int | None = None
    disabled_controls: int | None = None
    bands: tuple[tuple[str, int], ...] = ()
    zombies: int | None = None
    unapproved: int | None = None
    not_in_place: int | None = None
    oldest_days: int | None = None
    granted: tuple[tuple[str, int], ...] | None = None
    third_periods: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class AreaEntry:
    area: str
    name: str
    score: Decimal | None
    delta: Decimal | None


@dataclass(frozen=True, slots=True)
class OuEntry:
    """`indent` from 0 for the root; `reason` says the letter and what capped it."""

    ou_id: str
    label: str
    depth: int
    score: Decimal | None
    letter: str
    delta: Decimal | None
    coverage: Decimal | None
    accounts: int
    uncapped: str = "NR"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ControlEntry:
    """A control that fails: `lost_weight` is what ranks it."""

    control_id: str
    title: str
    severity: str
    lost_weight: Decimal
    failing: int
    accounts: int


@dataclass(frozen=True, slots=True)
class PracticeEntry:
    """One of the ten foundational practices: the worst status of the KPIs that measure it."""

    name: str
    kpis: tuple[str, ...]
    status: str
    value_text: str


@dataclass(frozen=True, slots=True)
class NoteEntry:
    """A detected cause in words; `points` of score where there are some."""

    cause: str
    kpi: str
    text: str
    points: Decimal | None = None
