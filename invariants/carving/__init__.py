"""Carve-outs as edits of policies: what exactly to change for an exception, and for taking it out again.

Pure: texts in, texts out. Every edit is proven by the engine before it is shown; where none can be made
that lets exactly the scope through, `Unfit` says why and what helps instead.
"""

from invariants.carving.asking import Asked, Kept, Neighbour, Way
from invariants.carving.boxes import Scope, without_end
from invariants.carving.edit import Edit
from invariants.carving.edits import put_in, take_out
from invariants.carving.grounds import ACCOUNT, OU, ROOT, Ground, Place, Sighted, Standing
from invariants.carving.policies import Piece, piece_of
from invariants.carving.refusals import AlreadySo, Unfit

__all__ = [
    "ACCOUNT",
    "OU",
    "ROOT",
    "AlreadySo",
    "Asked",
    "Edit",
    "Ground",
    "Kept",
    "Neighbour",
    "Piece",
    "Place",
    "Scope",
    "Sighted",
    "Standing",
    "Unfit",
    "Way",
    "piece_of",
    "put_in",
    "take_out",
    "without_end",
]
