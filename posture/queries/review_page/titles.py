"""What a block of the page finds, in one line above it."""

from collections.abc import Sequence

from posture import charts
from posture.kpis.snapshots import ExceptionBlock, TierLine
from posture.queries.review_page import marks
from posture.queries.review_page.blocks import AreaView

# A change below this is none that a line above the block would tell.
_WORTH_TELLING = 0.1


def areas(found: Sequence[AreaView]) -> str:
    """Which area is lowest, and which moved most."""
    scored = [(one.score, one.label) for one in found if one.score is not None]
    if not scored:
        return "No area has a score in this week"
    score, lowest = min(scored)
    text = f"{lowest} is lowest at {charts.value_text(score)}"
    moved = [(one.delta, one.label) for one in found if one.delta]
    delta, label = max(moved, key=lambda one: abs(one[0]), default=(None, ""))
    if delta is None or abs(delta) < _WORTH_TELLING:
        return f"{text}; none moved"
    return f"{text}; {label} moved most, {marks.signed(delta)}"


def tiers(found: Sequence[TierLine]) -> str:
    """How many vulnerabilities are past the deadline of their tier, and in which first."""
    if not found:
        return "No data on vulnerabilities"
    late = [one for one in found if one.overdue]
    if not late:
        return "No vulnerability is past its deadline"
    total = sum(one.overdue for one in late)
    first = f"{late[0].overdue:,} in the tier of {late[0].tier}"
    which = "vulnerability is past its" if total == 1 else "vulnerabilities are past their"
    return f"{total:,} {which} deadline, {first}"


def exceptions(block: ExceptionBlock) -> str:
    """How many exceptions hold, and how many of them are old."""
    if block.active is None:
        return "No data on exceptions in force"
    if not block.active:
        return "No exception is in force"
    text = f"{marks.plural(block.active, 'exception')} in force"
    if not block.bands:
        return text
    label, count = block.bands[-1]
    return f"{text}, {count:,} of them {label}"
