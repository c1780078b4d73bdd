"""Words and shapes of the weekly review. Colour is never the only carrier of a meaning."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

DASH: Final = "\N{EN DASH}"
MINUS: Final = "\N{MINUS SIGN}"
_TENTH: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Mark:
    """A state as people read it: a word, an icon (page) or a sign (PDF, mail), and a tone.

    `tone` is the letter of the `.rag` class: g, a, r, or n (grey); "" has no colour of its own.
    """

    code: str
    word: str
    icon: str
    sign: str
    tone: str


_STATUSES: Final = {
    mark.code: mark
    for mark in (
        Mark("ON_TARGET", "On target", "circle-check", "\N{CHECK MARK}", "g"),
        Mark("WATCH", "Watch", "triangle-alert", "\N{BLACK UP-POINTING TRIANGLE}", "a"),
        Mark("OFF_TARGET", "Off target", "octagon-x", "\N{BLACK SQUARE}", "r"),
        Mark("NO_DATA", "No data", "circle-dashed", "?", "n"),
        Mark("TOO_FEW", "Too little to judge", "circle-dashed", "?", "n"),
        Mark("NO_TARGET", "No target", "minus", DASH, "n"),
    )
}
_VERDICTS: Final = {
    mark.code: mark
    for mark in (
        Mark("IMPROVING", "improving", "trending-up", "\N{NORTH EAST ARROW}", "g"),
        Mark("FLAT", "flat", "minus", "\N{RIGHTWARDS ARROW}", ""),
        Mark("WORSENING", "worsening", "trending-down", "\N{SOUTH EAST ARROW}", "r"),
        Mark("UNKNOWN", "not known yet", "circle-dashed", "?", "n"),
    )
}
_ANSWERS: Final = {
    mark.code: mark
    for mark in (
        Mark("BETTER", "Better", "trending-up", "\N{NORTH EAST ARROW}", "g"),
        Mark("SAME", "Same", "minus", "\N{RIGHTWARDS ARROW}", ""),
        Mark("WORSE", "Worse", "trending-down", "\N{SOUTH EAST ARROW}", "r"),
        Mark("UNKNOWN", "Not enough data", "circle-dashed", "?", "n"),
    )
}
# Colour of a sparkline by the status of what it shows.
TONES: Final = {"g": "ok", "a": "warn", "r": "bad"}


def _mark(marks: Mapping[str, Mark], code: object, otherwise: str) -> Mark:
    return marks.get(str(code or "").upper(), marks[otherwise])


def status(code: object) -> Mark:
    return _mark(_STATUSES, code, "NO_DATA")


def verdict(code: object) -> Mark:
    return _mark(_VERDICTS, code, "UNKNOWN")


def answer(code: object) -> Mark:
    return _mark(_ANSWERS, code, "UNKNOWN")


def signed(value: Decimal | None) -> str:
    """Points with their sign and one decimal, rounded half up; a dash without data."""
    if value is None:
        return DASH
    tenth = value.quantize(_TENTH, ROUND_HALF_UP)
    if not tenth:
        return "0.0"
    return f"{'+' if tenth > 0 else MINUS}{abs(tenth)}"


def span(first: date, last: date) -> str:
    """Both ends of a week: 16 to 22 Nov 2026, with a dash between."""
    if first.year != last.year:
        return f"{first:%-d %b %Y} {DASH} {last:%-d %b %Y}"
    if first.month != last.month:
        return f"{first:%-d %b} {DASH} {last:%-d %b %Y}"
    return f"{first.day}{DASH}{last:%-d %b %Y}"


def plural(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
