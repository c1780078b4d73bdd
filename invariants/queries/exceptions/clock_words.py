"""The clock of a request in words: what is due, or when it ends."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from invariants.models import ExceptionRequest

HOUR: Final = 3600
DAY: Final = 86_400
# Due within so many hours is soon.
_SOON: Final = 24


@dataclass(frozen=True, slots=True)
class Clock:
    """`text` is short ("26 h", "3 d late"), `words` a sentence; kind: "", warn or bad, as a pill."""

    text: str
    words: str
    kind: str = ""


def clock_of(one: ExceptionRequest, *, now: datetime, today: date) -> Clock:
    """What is due next; without anybody to wait for, its last day; else where it stands."""
    if one.is_zombie:
        return Clock("zombie", "Ended, and still in place in AWS", "bad")
    if one.due_at is not None:
        return due_clock(one.due_at, now)
    if one.until is not None and one.ended_at is None:
        return _ends(one.until, today)
    label = str(one.get_state_display())
    return Clock(label, label.capitalize())


def due_clock(due_at: datetime, now: datetime) -> Clock:
    """What is left, or how late it is."""
    left = (due_at - now).total_seconds()
    text = span(abs(left))
    if left < 0:
        return Clock(f"{text} late", f"{text} late", "bad")
    return Clock(text, f"due in {text}", "warn" if left <= _SOON * HOUR else "")


def _ends(until: date, today: date) -> Clock:
    days = (until - today).days
    if days < 0:
        return Clock("over", "Its last day is over", "bad")
    text = "today" if days == 0 else f"{days} d"
    return Clock(text, "ends today" if days == 0 else f"ends in {plural(days, 'day')}")


def span(seconds: float) -> str:
    """ "40 min", "26 h" up to two days, then "3 d"."""
    if seconds < HOUR:
        return f"{max(int(seconds // 60), 1)} min"
    if seconds < 2 * DAY:
        return f"{int(seconds // HOUR)} h"
    return f"{int(seconds // DAY)} d"


def plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
