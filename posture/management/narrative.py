"""What the people of the demo say in some of their weeks: a narrative, claims, a question, an erratum.

Which weeks those are hangs on the number of the week alone, and what is said on that week's numbers.
"""

from datetime import datetime, timedelta
from typing import Final

from django.contrib.auth.models import User

from posture.actions import reviews
from posture.models import WeeklyReview
from posture.queries.reviews import ReviewPage

_NARRATED_EVERY: Final = 3
_ASKED_EVERY: Final = 6
_DOUBTED_EVERY: Final = 9
_CORRECTED_EVERY: Final = 13
_HOPE: Final = "IMPROVING"
_QUESTION: Final = "Do we stop new exceptions until the oldest twenty have been decided?"
_DECISION: Final = "No stop. From now on an exception of more than 90 days needs the executive."
_ERRATUM: Final = "The review names the account owners as present; two of them were represented. No number changes."


def speak(review: WeeklyReview, page: ReviewPage, lead: User, *, now: datetime) -> int:
    """Say what is said before the review is published; returns how many things were."""
    done = 0
    # The actions lock and write a row of their own.
    review.refresh_from_db()
    if review.iso_week % _NARRATED_EVERY == 0:
        reviews.write(
            lead,
            review,
            answer=review.answer or review.proposed_answer,
            headline=review.headline,
            narrative=_narrative(page),
            now=now,
        )
        done += 1 + _claim(review, page, lead, now=now)
    if review.iso_week % _ASKED_EVERY == 0:
        due_on = now.date() + timedelta(days=14)
        question = reviews.ask(
            lead, review, text=_QUESTION, decision_by="Edward Lang", due_on=due_on, now=now
        )
        reviews.decide(lead, question, decision=_DECISION, now=now)
        done += 2
    return done


def correct(review: WeeklyReview, lead: User, *, now: datetime) -> int:
    """Correct what was published, where somebody noticed; returns how many errata were added."""
    if review.iso_week % _CORRECTED_EVERY:
        return 0
    reviews.add_erratum(lead, review, text=_ERRATUM, now=now)
    return 1


def _narrative(page: ReviewPage) -> str:
    change = page.snapshot.change
    if change is None:
        return "The first look at the organisation: there is no week before it to compare with."
    return (
        f"Of the week's {change.total:+.1f} points, {change.posture:+.1f} come from what teams fixed or"
        f" broke, {change.entries:+.1f} from accounts and controls that are new, {change.exits:+.1f} from"
        f" those that left, and {change.exceptions:+.1f} from exceptions. The owners of the numbers that"
        " miss their target were in the meeting, and their actions stand below."
    )


def _claim(review: WeeklyReview, page: ReviewPage, lead: User, *, now: datetime) -> int:
    """Claim that a number gets better: one that does, and now and then one of which only people think so."""
    is_doubtful = review.iso_week % _DOUBTED_EVERY == 0
    entries = [
        entry
        for entry in page.snapshot.headline_kpis
        if entry.verdict in (("FLAT", "WORSENING") if is_doubtful else (_HOPE,))
    ]
    if not entries:
        return 0
    words = (
        "The teams feel that the work of the last weeks shows" if is_doubtful else "The work shows"
    )
    text = f"{words}: {entries[0].name.lower()} gets better."
    reviews.annotate(lead, review, text=text, kpi=entries[0].kpi, claim=_HOPE, now=now)
    return 1
