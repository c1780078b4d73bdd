"""What people said on a request, and how far its plan has come, as its page shows them."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from invariants.models import ExceptionComment, ExceptionMilestone, ExceptionRequest

# The newest; all are in the record.
_SHOWN: Final = 50
_MENTION: Final = re.compile(r"(?<![\w.@+-])(@[\w.@+-]{1,150})")


@dataclass(frozen=True, slots=True)
class Comment:
    """`parts` are pieces of the text, and whether they mention somebody."""

    person_name: str
    at: datetime
    parts: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Milestone:
    pk: int
    text: str
    due_on: date
    done_on: date | None
    is_late: bool


def milestones_of(request: ExceptionRequest, today: date) -> tuple[Milestone, ...]:
    """By when they are due. One query."""
    rows: list[ExceptionMilestone] = list(request.milestones.order_by("due_on", "pk"))
    return tuple(
        Milestone(
            row.pk,
            row.text,
            row.due_on,
            row.done_on,
            is_late=(row.done_on or today) > row.due_on,
        )
        for row in rows
    )


def comments_of(request: ExceptionRequest) -> tuple[Comment, ...]:
    """The oldest of the newest first. One query."""
    rows = list(request.comments.order_by("-pk")[:_SHOWN])
    return tuple(Comment(row.person_name, row.at, _parts(row)) for row in reversed(rows))


def _parts(row: ExceptionComment) -> tuple[tuple[str, bool], ...]:
    known = {f"@{one['name']}" for one in row.mentions}
    pieces = _MENTION.split(row.text)
    return tuple((piece, piece.rstrip(".") in known) for piece in pieces if piece)
