"""The deadlines of an OU: what was met, what is overdue and since when, what is due next."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from posture.queries import review_page
from posture.queries.figures import Figures
from posture.queries.kpis import KpiLine, PartLine
from posture.queries.review_page import Mark

KPI: Final = "K2"
_SEVERITIES: Final = ("CRITICAL", "HIGH")


@dataclass(frozen=True, slots=True)
class Deadline:
    """How one severity keeps its due dates; None is "not measured".

    `attainment` is the share of what fell due that was closed in time, `target` what was agreed.
    `bands` are the overdue ones by how late they are: (label, number).
    """

    severity: str
    open: int
    overdue: int
    attainment: Decimal | None
    target: Decimal | None
    status: str
    due_14: int | None
    bands: tuple[tuple[str, int], ...]

    @property
    def mark(self) -> Mark:
        """The status in the words and shapes of every page."""
        return review_page.status(self.status)


def deadlines(found: Figures | None, line: KpiLine | None) -> tuple[Deadline, ...]:
    """No query: from the figures of the OU and its line of K2."""
    if found is None:
        return ()
    parts = {part.part.id.upper(): part for part in line.parts} if line else {}
    details = line.details.get("severities", {}) if line else {}
    counts = {
        "CRITICAL": (found.open_critical, found.overdue_critical),
        "HIGH": (found.open_high, found.overdue_high),
    }
    return tuple(
        _deadline(severity, counts[severity], parts.get(severity), details.get(severity, {}))
        for severity in _SEVERITIES
    )


def _deadline(
    severity: str, counts: tuple[int, int], part: PartLine | None, details: Mapping[str, Any]
) -> Deadline:
    number, overdue = counts
    return Deadline(
        severity=severity,
        open=number,
        overdue=overdue,
        attainment=part.value if part else None,
        target=part.part.target if part else None,
        status=str(part.status) if part else "NO_DATA",
        due_14=details.get("due_14"),
        bands=tuple((str(label), int(count)) for label, count in details.get("bands", ())),
    )
