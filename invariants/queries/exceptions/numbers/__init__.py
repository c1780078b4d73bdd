"""The numbers of the exceptions process (invariants.md 5.5): what each means, and what it is."""

from invariants.queries.exceptions.numbers.board import HEADS, Board, board, records
from invariants.queries.exceptions.numbers.course import Course, course
from invariants.queries.exceptions.numbers.definitions import DEFINITIONS, Better, Definition, Unit
from invariants.queries.exceptions.numbers.reckoning import Figure

__all__ = [
    "DEFINITIONS",
    "HEADS",
    "Better",
    "Board",
    "Course",
    "Definition",
    "Figure",
    "Unit",
    "board",
    "course",
    "records",
]
