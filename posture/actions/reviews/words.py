"""What people write in a draft: its answer, notes with claims, and questions."""

from datetime import date, datetime
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction

from posture import kpis
from posture.actions.reviews import refusals
from posture.actions.reviews.refusals import Changed, Refused
from posture.models import ReviewEvent, ReviewNote, ReviewQuestion, WeeklyReview
from posture.queries import reviews as queries

MAX_WORDS: Final = 150
MAX_QUESTIONS: Final = 3
_HEADLINE: Final = 300
_NOTE: Final = 500
_NAME: Final = 150
_What = ReviewEvent.What


@transaction.atomic
def write(  # noqa: PLR0913 - the three texts of a form, and what it was filled in from
    user: User,
    review: WeeklyReview,
    *,
    answer: str,
    headline: str,
    narrative: str,
    seen: str | None = None,
    now: datetime,
) -> WeeklyReview:
    """The answer of the week, its one sentence, and what happened in at most 150 words.

    An empty headline may be kept, but not be published.

    :param seen: what `queries.seen` gave when the person began to write; None: it does not matter.
    :raises Refused: for an unknown answer, or too many words.
    :raises Changed: when somebody else has written since.
    """
    row = refusals.draft(user, review.pk)
    if seen is not None and seen != queries.seen(row):
        raise _changed(row)
    if answer not in WeeklyReview.Answer.values:
        raise Refused(f"{answer!r} is no answer: use {', '.join(WeeklyReview.Answer.labels)}.")
    words = len(narrative.split())
    if words > MAX_WORDS:
        raise Refused(f"The narrative has {words} words: use {MAX_WORDS} at most.")
    new = {"answer": answer, "headline": headline.strip(), "narrative": narrative.strip()}
    if len(new["headline"]) > _HEADLINE:
        raise Refused(f"The headline is longer than {_HEADLINE} characters: make it one sentence.")
    changed = {
        name: [getattr(row, name), value]
        for name, value in new.items()
        if getattr(row, name) != value
    }
    if changed:
        for name, value in new.items():
            setattr(row, name, value)
        row.save(update_fields=list(new))
        refusals.record(row, _What.ANSWERED, by=user, now=now, details=changed)
    return row


@transaction.atomic
def annotate(  # noqa: PLR0913 - all but the text is optional
    user: User,
    review: WeeklyReview,
    *,
    text: str,
    kpi: str = "",
    claim: str = "",
    on_day: date | None = None,
    now: datetime,
) -> ReviewNote:
    """A line of the narrative. A claim says how a KPI moves; its control chart is held against it.

    :raises Refused: for an empty text, an unknown KPI, or a claim about none.
    """
    row = refusals.draft(user, review.pk)
    note = ReviewNote.objects.create(
        review=row,
        text=refusals.text_of(text, what="The note", longest=_NOTE),
        kpi=_kpi(kpi),
        claim=_claim(claim, kpi),
        on_day=on_day,
        written_by=user.get_username(),
        written_at=now,
    )
    refusals.record(row, _What.NOTED, by=user, now=now, text=note.text)
    return note


@transaction.atomic
def change_note(  # noqa: PLR0913 - the same as of a new one
    user: User,
    note: ReviewNote,
    *,
    text: str,
    kpi: str = "",
    claim: str = "",
    on_day: date | None = None,
    now: datetime,
) -> ReviewNote:
    """Another text or claim for a line; that of a drafted line becomes the person's own.

    :raises Refused: as `annotate`.
    :raises ReviewNote.DoesNotExist: when it has been removed.
    """
    row = refusals.draft(user, note.review_id)
    found = ReviewNote.objects.get(pk=note.pk, review=row)
    new: dict[str, Any] = {
        "text": refusals.text_of(text, what="The note", longest=_NOTE),
        "kpi": _kpi(kpi),
        "claim": _claim(claim, kpi),
        "on_day": on_day,
    }
    changed = {name: [getattr(found, name), new[name]] for name in new}
    changed = {name: pair for name, pair in changed.items() if pair[0] != pair[1]}
    if changed:
        for name, value in new.items():
            setattr(found, name, value)
        if "text" in changed:
            found.written_by, found.written_at = user.get_username(), now
        found.save(update_fields=[*new, "written_by", "written_at"])
        if "on_day" in changed:
            changed["on_day"] = [str(day) if day else None for day in changed["on_day"]]
        refusals.record(row, _What.NOTE_CHANGED, by=user, now=now, details=changed)
    return found


@transaction.atomic
def remove_note(user: User, note: ReviewNote, *, now: datetime) -> None:
    """Take a line out of a draft: one that drafted itself, or one's own.

    :raises Refused: when somebody else wrote it.
    :raises ReviewNote.DoesNotExist: when it has been removed already.
    """
    row = refusals.draft(user, note.review_id)
    found = ReviewNote.objects.get(pk=note.pk, review=row)
    if found.written_by not in {"", user.get_username()}:
        raise Refused(f"{found.written_by} wrote this note: ask them to remove it.")
    refusals.record(row, _What.NOTE_REMOVED, by=user, now=now, text=found.text)
    found.delete()


@transaction.atomic
def ask(
    user: User,
    review: WeeklyReview,
    *,
    text: str,
    decision_by: str,
    due_on: date | None = None,
    now: datetime,
) -> ReviewQuestion:
    """A top security question: what has to be decided, and by whom; three a week at most.

    :raises Refused: for a fourth one, or an empty text or name.
    """
    row = refusals.draft(user, review.pk)
    if row.questions.count() >= MAX_QUESTIONS:
        raise Refused(f"There are {MAX_QUESTIONS} questions already: remove one first.")
    question = ReviewQuestion.objects.create(
        review=row,
        text=refusals.text_of(text, what="The question", longest=_NOTE),
        decision_by=refusals.text_of(decision_by, what="Who decides", longest=_NAME),
        due_on=due_on,
    )
    refusals.record(row, _What.ASKED, by=user, now=now, text=question.text)
    return question


@transaction.atomic
def decide(user: User, question: ReviewQuestion, *, decision: str, now: datetime) -> ReviewQuestion:
    """What was decided.

    :raises Refused: when the decision is empty.
    :raises ReviewQuestion.DoesNotExist: when the question has been removed.
    """
    row = refusals.draft(user, question.review_id)
    found = ReviewQuestion.objects.get(pk=question.pk, review=row)
    before = found.decision
    found.decision = refusals.text_of(decision, what="The decision", longest=_NOTE)
    found.save(update_fields=["decision"])
    refusals.record(
        row,
        _What.DECIDED,
        by=user,
        now=now,
        text=found.text,
        details={"decision": [before, found.decision]},
    )
    return found


@transaction.atomic
def remove_question(user: User, question: ReviewQuestion, *, now: datetime) -> None:
    """:raises ReviewQuestion.DoesNotExist: when it has been removed already."""
    row = refusals.draft(user, question.review_id)
    found = ReviewQuestion.objects.get(pk=question.pk, review=row)
    refusals.record(row, _What.QUESTION_REMOVED, by=user, now=now, text=found.text)
    found.delete()


def _changed(row: WeeklyReview) -> Changed:
    last = row.events.filter(what=_What.ANSWERED).order_by("-at", "-pk").first()
    who = f"{last.by} changed the answer at {last.at:%H:%M} UTC" if last else "It was changed"
    return Changed(f"{who} while you were writing. Read it again, then write.")


def _kpi(kpi: str) -> str:
    if kpi and kpi not in kpis.registry():
        raise Refused(f"{kpi!r} is no KPI: use K1 to K{len(kpis.registry())}.")
    return kpi


def _claim(claim: str, kpi: str) -> str:
    if claim not in ReviewNote.Claim.values:
        raise Refused(f"{claim!r} is no claim: use improving, flat or worsening.")
    if claim and not kpi:
        raise Refused("A claim needs a KPI to be checked against: choose one.")
    return claim
