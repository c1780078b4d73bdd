"""The scorecard of one OU: its score, why it moved, and what costs it most."""

from posture.queries.scorecard.card import AccountNeed, Child, Scorecard, scorecard
from posture.queries.scorecard.children import CHILD_HEADS, child_records, in_order

__all__ = [
    "CHILD_HEADS",
    "AccountNeed",
    "Child",
    "Scorecard",
    "child_records",
    "in_order",
    "scorecard",
]
