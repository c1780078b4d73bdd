"""What people do in a weekly review: say, ask, decide, publish. Each change is recorded with its author.

Every function takes the person and the row, locks the review, and raises

- `PermissionDenied` where the person lacks the right,
- `Published` where the review is published, so that nothing in it can change,
- `Refused` where what is asked for cannot be, in a sentence for people.
"""

from posture.actions.reviews.decisions import add_action, close_action, move_due
from posture.actions.reviews.publishing import CannotPublish, add_erratum, publish
from posture.actions.reviews.refusals import Changed, Published, Refused
from posture.actions.reviews.words import (
    MAX_QUESTIONS,
    MAX_WORDS,
    annotate,
    ask,
    change_note,
    decide,
    remove_note,
    remove_question,
    write,
)

__all__ = [
    "MAX_QUESTIONS",
    "MAX_WORDS",
    "CannotPublish",
    "Changed",
    "Published",
    "Refused",
    "add_action",
    "add_erratum",
    "annotate",
    "ask",
    "change_note",
    "close_action",
    "decide",
    "move_due",
    "publish",
    "remove_note",
    "remove_question",
    "write",
]
