"""A frozen week as people see it: the one place where words and shapes of page, PDF and mail are made."""

from posture.queries.review_page.beside import Pair, WeekLine, archive, pairs, snapshot_of
from posture.queries.review_page.kpis import KpiView
from posture.queries.review_page.marks import Mark, status, verdict
from posture.queries.review_page.talk import ActionView, NoteView, action_views
from posture.queries.review_page.view import ReviewView, view

__all__ = [
    "ActionView",
    "KpiView",
    "Mark",
    "NoteView",
    "Pair",
    "ReviewView",
    "WeekLine",
    "action_views",
    "archive",
    "pairs",
    "snapshot_of",
    "status",
    "verdict",
    "view",
]
