"""A review for programs and for doubters: everything to recompute each of its numbers by hand."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from inventory import spreadsheets
from inventory.access import AnyUser
from posture.queries.reviews import lines
from posture.queries.reviews.decided import ActionLine
from posture.queries.reviews.page import ReviewPage


def export_csv(user: AnyUser, page: ReviewPage) -> Iterator[str]:
    """The lines of the file, the head first; streamed, for it has a line for each account and KPI.

    Accounts that the person may not see are summed in the lines called "rest".
    """
    yield spreadsheets.line(lines.FIELDS)
    for line in lines.lines(user, page):
        yield spreadsheets.line(line.get(name, "") for name in lines.FIELDS)


def export_json(page: ReviewPage) -> dict[str, Any]:
    """The frozen numbers as they stand in the database, and beside them what people wrote."""
    row = page.row
    return {
        "week": page.week,
        "state": row.state,
        "snapshot_sha256": row.snapshot_hash,
        "frozen_at": _text(row.frozen_at),
        "published_at": _text(row.published_at),
        "published_by": row.published_by,
        "answer": row.answer,
        "proposed_answer": row.proposed_answer,
        "answer_check": str(page.answer_check),
        "headline": row.headline,
        "proposed_headline": row.proposed_headline,
        "narrative": row.narrative,
        "notes": [
            {
                "cause": note.row.cause,
                "kpi": note.row.kpi,
                "text": note.row.text,
                "claim": note.row.claim,
                "check": str(note.check) if note.check else None,
                "on_day": _text(note.row.on_day),
                "written_by": note.row.written_by,
            }
            for note in page.notes
        ],
        "questions": [
            {
                "text": question.text,
                "decision_by": question.decision_by,
                "due_on": _text(question.due_on),
                "decision": question.decision,
            }
            for question in page.questions
        ],
        "actions": [_action(line) for line in page.actions_new],
        "carried_actions": [_action(line) for line in page.actions_carried],
        "errata": [
            {"text": one.text, "written_by": one.written_by, "written_at": _text(one.written_at)}
            for one in page.errata
        ],
        "snapshot": row.snapshot,
    }


def _action(line: ActionLine) -> dict[str, Any]:
    return {
        "week": line.week,
        "kpi": line.kpi,
        "text": line.text,
        "owner": line.owner,
        "due_on": _text(line.due_on),
        "first_due_on": _text(line.first_due_on),
        "moves": [[_text(move.before), _text(move.after), move.by] for move in line.moves],
        "state": line.state,
        "closed_on": _text(line.closed_on),
    }


def _text(value: date | datetime | None) -> str | None:
    return value.isoformat() if value else None
