"""What people say in a review: notes with their claims, and actions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from posture.kpis.claims import Check
from posture.models import ReviewNote
from posture.queries.review_page import marks
from posture.queries.review_page.kpis import KpiView
from posture.queries.review_page.marks import Mark
from posture.queries.reviews import ActionLine, NoteLine

_CAUSES: Final = {
    "gate": "Gate",
    "entry": "Entry",
    "exit": "Exit",
    "target": "Target changed",
    "formula": "Formula changed",
    "control": "Control",
}
CHECKS: Final = {
    Check.AGREES: Mark("AGREES", "metrics AGREE", "circle-check", "\N{CHECK MARK}", "g"),
    Check.DISAGREES: Mark("DISAGREES", "metrics DISAGREE", "octagon-x", "\N{BLACK SQUARE}", "r"),
    Check.CANNOT_TELL: Mark("CANNOT_TELL", "metrics cannot tell yet", "circle-dashed", "?", "n"),
}
_STATES: Final = {
    mark.code: mark
    for mark in (
        Mark("open", "Open", "circle-dashed", "\N{WHITE CIRCLE}", ""),
        Mark("late", "Late", "clock", "\N{BLACK UP-POINTING TRIANGLE}", "r"),
        Mark("done", "Done", "circle-check", "\N{CHECK MARK}", "g"),
        Mark("done_late", "Done late", "circle-check", "\N{CHECK MARK}", "a"),
        Mark("dropped", "Dropped", "circle-x", "\N{MULTIPLICATION SIGN}", "n"),
    )
}


@dataclass(frozen=True, slots=True)
class NoteView:
    """A note; `number` is its place in time, which the page prints beside it."""

    number: int
    line: NoteLine
    kpi_name: str

    @property
    def pk(self) -> int:
        return self.row.pk

    @property
    def row(self) -> ReviewNote:
        return self.line.row

    @property
    def cause_name(self) -> str:
        """ "" where a person wrote it."""
        return _CAUSES.get(self.row.cause, self.row.cause.capitalize())

    @property
    def claim(self) -> Mark | None:
        return marks.verdict(self.row.claim) if self.row.claim else None

    @property
    def check(self) -> Mark | None:
        return None if self.line.check is None else CHECKS[self.line.check]

    @property
    def verdict(self) -> Mark:
        return marks.verdict(self.line.verdict)

    @property
    def check_text(self) -> str:
        """ "Said to be improving; the control chart says worsening."; "" without a claim."""
        if self.claim is None:
            return ""
        said = f"Said to be {self.claim.word}"
        if self.line.check is Check.CANNOT_TELL:
            return f"{said}; there are too few weeks for the control chart to tell"
        return f"{said}; the control chart says {self.verdict.word}"

    @property
    def disagrees(self) -> bool:
        return self.line.check is Check.DISAGREES


@dataclass(frozen=True, slots=True)
class ActionView:
    line: ActionLine

    @property
    def pk(self) -> int:
        return self.line.pk

    @property
    def state(self) -> Mark:
        return _STATES[self.line.state]

    @property
    def is_moved(self) -> bool:
        return self.line.due_on != self.line.first_due_on


def note_views(lines: Iterable[NoteLine], kpis: Mapping[str, KpiView]) -> tuple[NoteView, ...]:
    """By day, those of no day last; within a day in the order in which they were written."""
    ordered = sorted(lines, key=lambda one: (one.row.on_day or date.max, one.row.pk))
    return tuple(
        NoteView(number, line, _name(line.row.kpi, kpis))
        for number, line in enumerate(ordered, start=1)
    )


def action_views(lines: Iterable[ActionLine]) -> tuple[ActionView, ...]:
    return tuple(ActionView(line) for line in lines)


def _name(kpi: str, kpis: Mapping[str, KpiView]) -> str:
    return kpis[kpi].name if kpi in kpis else ""
