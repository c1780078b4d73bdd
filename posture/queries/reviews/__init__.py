"""The weekly reviews: their archive, one week's page, the actions decided in them, and exports."""

from posture.queries.reviews.archive import ReviewLine, newest_week, next_freeze, reviews
from posture.queries.reviews.decided import ActionLine, Move, actions
from posture.queries.reviews.export import export_csv, export_json
from posture.queries.reviews.page import NoteLine, ReviewPage, page_of, review, seen
from posture.queries.reviews.readiness import Block, blocks

__all__ = [
    "ActionLine",
    "Block",
    "Move",
    "NoteLine",
    "ReviewLine",
    "ReviewPage",
    "actions",
    "blocks",
    "export_csv",
    "export_json",
    "newest_week",
    "next_freeze",
    "page_of",
    "review",
    "reviews",
    "seen",
]
