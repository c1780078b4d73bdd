"""One week's page: read from its snapshot, whatever has happened to the data since."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from inventory.access import AnyUser
from posture.kpis import claims, snapshots
from posture.kpis.claims import Check
from posture.kpis.snapshots import Snapshot
from posture.kpis.weeks import Week
from posture.models import (
    Erratum,
    ReviewEvent,
    ReviewNote,
    ReviewQuestion,
    WeeklyReview,
)
from posture.queries.reviews import decided
from posture.queries.reviews.decided import ActionLine

# Weeks of the picker: so many of the newest.
WEEKS_OFFERED: Final = 53
_ANSWERS: Final = dict(WeeklyReview.Answer.choices)


@dataclass(frozen=True, slots=True)
class NoteLine:
    """A line of the narrative. `check` of its claim against the frozen verdict; None: no claim."""

    row: ReviewNote
    verdict: str
    check: Check | None

    @property
    def is_drafted(self) -> bool:
        """By itself, from a detected cause."""
        return not self.row.written_by


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """`answer_check` holds the chair's answer against the proposed one, `claim_check` all claims.

    Actions stand as they did when the review was published; a draft's as they do on the day asked.
    `previous_week` and `next_week` are "" where there is none; `weeks` are the newest, newest first.
    """

    row: WeeklyReview
    snapshot: Snapshot
    notes: tuple[NoteLine, ...]
    questions: tuple[ReviewQuestion, ...]
    actions_new: tuple[ActionLine, ...]
    actions_carried: tuple[ActionLine, ...]
    errata: tuple[Erratum, ...]
    events: tuple[ReviewEvent, ...]
    answer_check: Check
    claim_check: Check | None
    previous_week: str
    next_week: str
    weeks: tuple[str, ...]

    @property
    def pk(self) -> int:
        return self.row.pk

    @property
    def week(self) -> str:
        return self.snapshot.week

    @property
    def is_published(self) -> bool:
        return self.row.state == WeeklyReview.State.PUBLISHED

    @property
    def headline(self) -> str:
        return self.row.headline

    @property
    def answer_label(self) -> str:
        return str(_ANSWERS[self.row.answer])

    @property
    def proposed_label(self) -> str:
        return str(_ANSWERS[self.row.proposed_answer])

    @property
    def published_at(self) -> datetime | None:
        return self.row.published_at


def review(user: AnyUser, week: str, *, day: date) -> ReviewPage | None:
    """The review of a week such as "2026-W47"; None where there is none for this person.

    Ten queries at most, whatever the length of the history.

    :param day: today, for the state of the actions of a draft.
    """
    wanted = Week.read(week)
    if wanted is None:
        return None
    rows = WeeklyReview.objects.visible_to(user).select_related("organization")
    row = rows.filter(iso_year=wanted.year, iso_week=wanted.week).order_by("pk").first()
    return page_of(row, day=day) if row else None


def page_of(row: WeeklyReview, *, day: date) -> ReviewPage:
    """The page of a review that the caller may read. Nine queries at most."""
    snapshot = snapshots.from_json(row.snapshot)
    new, carried = decided.of_review(row, day=day)
    verdicts = {entry.kpi: entry.verdict for entry in snapshot.kpis}
    notes = tuple(_note(note, verdicts) for note in row.notes.order_by("pk"))
    weeks = _weeks(row)
    previous_week, next_week = _neighbours(row, weeks)
    return ReviewPage(
        row=row,
        snapshot=snapshot,
        notes=notes,
        questions=tuple(row.questions.order_by("pk")),
        actions_new=new,
        actions_carried=carried,
        errata=tuple(row.errata.order_by("pk")),
        events=tuple(row.events.order_by("-at", "-pk")),
        answer_check=claims.check_answer(row.answer, row.proposed_answer),
        claim_check=claims.together(note.check for note in notes),
        previous_week=previous_week,
        next_week=next_week,
        weeks=weeks,
    )


def seen(row: WeeklyReview) -> str:
    """A fingerprint of what a person changes in a draft: another one means that it has been changed."""
    return snapshots.fingerprint({"of": [row.answer, row.headline, row.narrative]})


def _note(note: ReviewNote, verdicts: Mapping[str, str]) -> NoteLine:
    verdict = verdicts.get(note.kpi, "")
    return NoteLine(note, verdict, claims.check(note.claim, verdict))


def _weeks(row: WeeklyReview) -> tuple[str, ...]:
    siblings = WeeklyReview.objects.filter(organization=row.organization_id)
    found = siblings.order_by("-starts_on").values_list("iso_year", "iso_week")
    return tuple(Week(*one).name for one in found[:WEEKS_OFFERED])


def _neighbours(row: WeeklyReview, weeks: tuple[str, ...]) -> tuple[str, str]:
    """The reviews before and after it, for there may be gaps. Two queries for an old one, else none."""
    own = Week(row.iso_year, row.iso_week).name
    if own in weeks[:-1]:
        place = weeks.index(own)
        return weeks[place + 1], weeks[place - 1] if place else ""
    siblings = WeeklyReview.objects.filter(organization=row.organization_id)
    before = siblings.filter(starts_on__lt=row.starts_on).order_by("-starts_on")
    after = siblings.filter(starts_on__gt=row.starts_on).order_by("starts_on")
    found = [rows.values_list("iso_year", "iso_week").first() for rows in (before, after)]
    return tuple(Week(*one).name if one else "" for one in found)  # type: ignore[return-value]
