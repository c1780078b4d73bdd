"""A whole week, ready to be shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from posture.kpis import claims
from posture.kpis.claims import Check
from posture.kpis.snapshots import MoverEntry, Snapshot
from posture.models import WeeklyReview
from posture.queries import reviews
from posture.queries.review_page import blocks, change, kpis, marks, talk, titles
from posture.queries.review_page.kpis import KpiView
from posture.queries.review_page.marks import Mark
from posture.queries.reviews import Block, ReviewPage

# The headlines that stand large at the top; the same ones every week, so that people find them.
_LARGE: Final = ("K1", "K15", "K7", "K2")


@dataclass(frozen=True, slots=True)
class AgendaItem:
    minutes: int
    name: str
    text: str
    anchor: str


@dataclass(frozen=True)
class ReviewView:
    """Everything that page, PDF and mail show of a week, with its words and shapes. No query."""

    page: ReviewPage

    @property
    def row(self) -> WeeklyReview:
        return self.page.row

    @property
    def snapshot(self) -> Snapshot:
        return self.page.snapshot

    @property
    def week(self) -> str:
        return self.page.week

    @property
    def number(self) -> int:
        return self.row.iso_week

    @property
    def days(self) -> str:
        """Monday to Sunday, as in the 16th to "22 Nov 2026"."""
        return marks.span(self.row.starts_on, self.row.ends_on)

    @property
    def answer(self) -> Mark:
        return marks.answer(self.row.answer)

    @property
    def proposed(self) -> Mark:
        return marks.answer(self.row.proposed_answer)

    @cached_property
    def check(self) -> Mark:
        """The claim check of the whole: the answer, and every claim of a note."""
        both = claims.together((self.page.answer_check, self.page.claim_check))
        return talk.CHECKS[both or Check.CANNOT_TELL]

    @cached_property
    def disagreements(self) -> tuple[str, ...]:
        """Where words and metrics part, in words; they are printed, never hidden."""
        found = []
        if self.page.answer_check is Check.DISAGREES:
            found.append(
                f"The answer is {self.answer.word.lower()}; the metrics say {self.proposed.word.lower()}."
            )
        found += [
            f"{note.row.kpi} {note.kpi_name}: {note.check_text[0].lower()}{note.check_text[1:]}."
            for note in self.notes
            if note.disagrees
        ]
        return tuple(found)

    @property
    def subject(self) -> str:
        """Of the mail: it carries the answer and no name of anything."""
        off = self.snapshot.off_target
        return f"Cloud security week {self.number}: {self.answer.word.lower()}, {off} off target"

    @property
    def versions(self) -> str:
        """ "formulas v1, targets v2"."""
        formulas = _versions(self.snapshot.formula_versions)
        return f"formulas {formulas}, targets {_versions(self.snapshot.target_versions)}"

    @property
    def size(self) -> str:
        """ "412 accounts · 38 OUs"; "" before anything was scored."""
        root = next((ou for ou in self.snapshot.ous if ou.depth == 0), None)
        if root is None:
            return ""
        below = len(self.snapshot.ous) - 1
        return f"{marks.plural(root.accounts, 'account')} · {marks.plural(below, 'OU')}"

    @cached_property
    def kpis(self) -> Mapping[str, KpiView]:
        return {view.id: view for view in kpis.kpi_views(self.snapshot.kpis)}

    @cached_property
    def headlines(self) -> tuple[KpiView, ...]:
        return tuple(view for view in self.kpis.values() if view.entry.is_headline)

    @cached_property
    def large(self) -> tuple[KpiView, ...]:
        by_id = {view.id: view for view in self.headlines}
        return tuple(by_id[kpi] for kpi in _LARGE if kpi in by_id)

    @cached_property
    def others(self) -> tuple[KpiView, ...]:
        """The headlines that are not large."""
        return tuple(view for view in self.headlines if view not in self.large)

    @cached_property
    def exceptional(self) -> tuple[KpiView, ...]:
        """Headlines that are off target or moved by more than noise: what the meeting talks about."""
        return tuple(view for view in self.headlines if view.is_exceptional)

    @property
    def all(self) -> tuple[KpiView, ...]:
        return tuple(self.kpis.values())

    @property
    def root_id(self) -> str:
        """The OU whose page says what is behind the change; "" before anything was scored."""
        return next((ou.ou_id for ou in self.snapshot.ous if ou.depth == 0), "")

    @property
    def movers(self) -> tuple[tuple[str, tuple[MoverEntry, ...]], ...]:
        """By the posture part only: nobody is praised or asked for what others moved."""
        return ("Up", self.snapshot.movers.up), ("Down", self.snapshot.movers.down)

    @property
    def grades(self) -> tuple[tuple[str, int], ...]:
        """Accounts of each letter, the best first."""
        order = {letter: place for place, letter in enumerate("ABCDF")}
        found = self.snapshot.grades.items()
        return tuple(sorted(found, key=lambda one: order.get(one[0], len(order))))

    @cached_property
    def change(self) -> change.ChangeView | None:
        return change.change_view(self.snapshot.change)

    @cached_property
    def sla(self) -> tuple[blocks.SlaView, ...]:
        return tuple(blocks.SlaView(line) for line in self.snapshot.sla.severities)

    @cached_property
    def overdue_bands(self) -> tuple[tuple[str, dict[str, int]], ...]:
        return blocks.overdue_bands(self.snapshot.sla)

    @property
    def overdue_title(self) -> str:
        return blocks.overdue_title(self.overdue_bands)

    @cached_property
    def flow(self) -> tuple[blocks.FlowRow, ...]:
        return blocks.flow(self.snapshot)

    @cached_property
    def exceptions(self) -> blocks.ExceptionsView:
        return blocks.ExceptionsView(self.snapshot.exceptions)

    @property
    def exceptions_title(self) -> str:
        return titles.exceptions(self.snapshot.exceptions)

    @property
    def exception_ages(self) -> tuple[tuple[str, int, None], ...]:
        """Exceptions by age, as bars take them: nothing of them is past a time."""
        return tuple((label, count, None) for label, count in self.snapshot.exceptions.bands)

    @property
    def tiers_title(self) -> str:
        return titles.tiers(self.snapshot.sla.tiers)

    @property
    def tiers(self) -> tuple[tuple[str, int, int], ...]:
        """(tier, open, overdue) of vulnerabilities, as bars take them."""
        return tuple((one.tier, one.open, one.overdue) for one in self.snapshot.sla.tiers)

    @cached_property
    def areas(self) -> tuple[blocks.AreaView, ...]:
        return blocks.areas(self.snapshot)

    @property
    def areas_title(self) -> str:
        return titles.areas(self.areas)

    @cached_property
    def ous(self) -> tuple[blocks.OuView, ...]:
        return blocks.ous(self.snapshot)

    @cached_property
    def practices(self) -> tuple[blocks.PracticeView, ...]:
        return blocks.practices(self.snapshot)

    @cached_property
    def notes(self) -> tuple[talk.NoteView, ...]:
        return talk.note_views(self.page.notes, self.kpis)

    @cached_property
    def carried(self) -> tuple[talk.ActionView, ...]:
        return talk.action_views(self.page.actions_carried)

    @cached_property
    def new(self) -> tuple[talk.ActionView, ...]:
        return talk.action_views(self.page.actions_new)

    @cached_property
    def late(self) -> int:
        """Carried actions that are open past their first date."""
        return sum(one.line.state == "late" for one in self.carried)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """What stands in the way of publishing."""
        return reviews.blocks(self.page)

    @cached_property
    def agenda(self) -> tuple[AgendaItem, ...]:
        """The half hour of the meeting."""
        still_open = sum(one.line.is_open for one in self.carried)
        told = f"{still_open} carried, {self.late} late"
        exceptional = ", ".join(view.id for view in self.exceptional) or "nothing to see here"
        failing = ", ".join(one.control_id for one in self.snapshot.controls) or "none fails"
        questions = sum(not one.decision for one in self.page.questions)
        return (
            AgendaItem(5, "Actions", told, "actions"),
            AgendaItem(10, "Exceptions to normal", exceptional, "headlines"),
            AgendaItem(10, "Top failing controls", failing, "controls"),
            AgendaItem(
                5, "Decisions", f"{questions} to take" if questions else "none", "questions"
            ),
        )


def view(page: ReviewPage) -> ReviewView:
    return ReviewView(page)


def _versions(versions: Mapping[str, int]) -> str:
    found = sorted(set(versions.values()))
    if not found:
        return "not recorded"
    return f"v{found[0]}" if len(found) == 1 else f"v{found[0]}{marks.DASH}v{found[-1]}"
