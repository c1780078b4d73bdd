from posture.models.cells import Cell, CellDay, TouchedCell
from posture.models.scores import AccountDay, OuControl, OuDay, RollupState, Sums

__all__ = [
    "AccountDay",
    "Cell",
    "CellDay",
    "OuControl",
    "OuDay",
    "RollupState",
    "Sums",
    "TouchedCell",
]
