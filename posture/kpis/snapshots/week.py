"""A whole week."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from posture.kpis.snapshots.blocks import (
    AreaEntry,
    ChangeBlock,
    ControlEntry,
    ExceptionBlock,
    FlowWeek,
    KpiEntry,
    Movers,
    NoteEntry,
    OrganizationName,
    OuEntry,
    PracticeEntry,
    ScoreBlock,
    SlaBlock,
)

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`data_day` None: nothing was collected in the week. `previous_day` is what it is compared with.

    `headlines` counts the ten headlines by status.
    """

    version: int
    organization: OrganizationName
    week: str
    starts_on: date
    ends_on: date
    data_day: date | None
    data_as_of: datetime | None
    coverage: Decimal | None
    formula_versions: Mapping[str, int]
    target_versions: Mapping[str, int]
    score: ScoreBlock
    grades: Mapping[str, int]
    kpis: tuple[KpiEntry, ...]
    change: ChangeBlock | None
    movers: Movers
    sla: SlaBlock
    flow: tuple[FlowWeek, ...]
    exceptions: ExceptionBlock
    areas: tuple[AreaEntry, ...]
    ous: tuple[OuEntry, ...]
    controls: tuple[ControlEntry, ...]
    practices: tuple[PracticeEntry, ...]
    notes: tuple[NoteEntry, ...] = ()
    headlines: Mapping[str, int] = field(default_factory=dict)
    previous_day: date | None = None

    @property
    def headline_kpis(self) -> tuple[KpiEntry, ...]:
        return tuple(kpi for kpi in self.kpis if kpi.is_headline)

    @property
    def off_target(self) -> int:
        """How many headlines miss their target."""
        return sum(entry.is_off_target for entry in self.headline_kpis)

    def kpi(self, kpi_id: str) -> KpiEntry | None:
        return next((entry for entry in self.kpis if entry.kpi == kpi_id), None)
