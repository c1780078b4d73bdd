"""What people say of a number against what its control chart says."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class Check(StrEnum):
    AGREES = "AGREES"
    DISAGREES = "DISAGREES"
    CANNOT_TELL = "CANNOT_TELL"


WORDS: Final = {
    Check.AGREES: "the metrics agree",
    Check.DISAGREES: "the metrics disagree",
    Check.CANNOT_TELL: "the metrics cannot tell",
}
# A claim uses the words of the verdicts.
_KNOWN: Final = frozenset({"IMPROVING", "FLAT", "WORSENING"})
# The answer of a week says the same of the whole.
_OF_ANSWER: Final = {"BETTER": "IMPROVING", "SAME": "FLAT", "WORSE": "WORSENING"}


def check(claim: str, verdict: str) -> Check | None:
    """Whether the verdict of the control chart bears out the claim; None when nothing is claimed.

    :param claim: IMPROVING, FLAT or WORSENING, "" for none.
    :param verdict: a Verdict; "" or UNKNOWN where there are too few weeks to tell.
    """
    if claim not in _KNOWN:
        return None
    if verdict not in _KNOWN:
        return Check.CANNOT_TELL
    return Check.AGREES if claim == verdict else Check.DISAGREES


def check_answer(answer: str, proposed: str) -> Check:
    """Whether the answer of the week is the one that the metrics propose.

    "Not enough data" claims nothing that metrics could contradict unless they do have an answer.
    """
    if answer == proposed:
        return Check.AGREES if answer in _OF_ANSWER else Check.CANNOT_TELL
    if answer in _OF_ANSWER and proposed not in _OF_ANSWER:
        return Check.CANNOT_TELL
    return Check.DISAGREES


def together(checks: Iterable[Check | None]) -> Check | None:
    """One word for many claims: a single disagreement is never hidden; None without any claim."""
    found = {one for one in checks if one is not None}
    for worst in (Check.DISAGREES, Check.CANNOT_TELL, Check.AGREES):
        if worst in found:
            return worst
    return None
