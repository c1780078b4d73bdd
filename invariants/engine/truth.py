"""Three values of truth, as Kleene has them: what is not known may be either."""

from collections.abc import Iterable
from enum import Enum
from typing import Final


class Truth(Enum):
    """TRUE, FALSE, or UNKNOWN: either, for all that is known."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"

    def __bool__(self) -> bool:
        """Refuse: `if truth` would take UNKNOWN for one of the others."""
        raise TypeError("a Truth has three values: compare it with TRUE, FALSE or UNKNOWN")


TRUE: Final = Truth.TRUE
FALSE: Final = Truth.FALSE
UNKNOWN: Final = Truth.UNKNOWN
_NEGATION: Final = {TRUE: FALSE, FALSE: TRUE, UNKNOWN: UNKNOWN}


def known(value: bool) -> Truth:
    return TRUE if value else FALSE


def negation(truth: Truth) -> Truth:
    return _NEGATION[truth]


def conjunction(truths: Iterable[Truth]) -> Truth:
    """FALSE where one is, else UNKNOWN where one is; TRUE of none."""
    result = TRUE
    for truth in truths:
        if truth is FALSE:
            return FALSE
        if truth is UNKNOWN:
            result = UNKNOWN
    return result


def disjunction(truths: Iterable[Truth]) -> Truth:
    """TRUE where one is, else UNKNOWN where one is; FALSE of none."""
    result = FALSE
    for truth in truths:
        if truth is TRUE:
            return TRUE
        if truth is UNKNOWN:
            result = UNKNOWN
    return result


def agreement(truths: Iterable[Truth]) -> Truth:
    """What all say, or UNKNOWN where they differ; of none, UNKNOWN."""
    found = set(truths)
    return found.pop() if len(found) == 1 else UNKNOWN
