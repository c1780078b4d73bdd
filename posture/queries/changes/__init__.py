"""Why the score of an OU moved between two days: exits, posture, exceptions and entries."""

from posture.queries.changes.behind import Behind, CellMove, cells
from posture.queries.changes.splits import (
    CAUSES_KEPT,
    CauseLine,
    Split,
    between,
    of_ous,
    of_week,
)

__all__ = [
    "CAUSES_KEPT",
    "Behind",
    "CauseLine",
    "CellMove",
    "Split",
    "between",
    "cells",
    "of_ous",
    "of_week",
]
