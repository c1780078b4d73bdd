"""What a review says by itself: an answer and a sentence from the numbers, notes from detected causes."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from posture.kpis.snapshots import (
    CauseEntry,
    KpiEntry,
    NoteEntry,
    OuEntry,
    PartEntry,
    Snapshot,
)
from posture.models import WeeklyReview
from posture.rollups.reviews.controls import ControlChange
from posture.scoring import RATED_COVERAGE, one_decimal

_Answer = WeeklyReview.Answer
_SCORE: Final = "K1"
# With fewer headlines whose control chart says anything there is no answer.
_ENOUGH: Final = 5
_DAYS_A_WEEK: Final = 7
# Entries and exits of so many points are told.
_WORTH_TELLING: Final = Decimal("0.5")
_NAMES_SHOWN: Final = 5
# A sentence with more names than these is none.
_NAMED: Final = 2
# What a control chart compares with.
_USUAL: Final = "first twelve weeks"
_MINUS: Final = "\N{MINUS SIGN}"
_NUMBERS: Final = re.compile(r"\d+(?:\.\d+)?")


def answer(snapshot: Snapshot) -> WeeklyReview.Answer:
    """Better, same or worse, from the control charts alone: a noisy week moves none of them.

    Better needs more headlines that improve than worsen, and a score that does not worsen; worse is
    the mirror image. Without a score, with one of which too little was checked to rate it, or with
    too few charts, there is no answer: that data is missing is neither good nor bad news.
    """
    if _is_unrated(snapshot):
        return _Answer.UNKNOWN
    verdicts = [entry.verdict for entry in snapshot.headline_kpis]
    score = snapshot.kpi(_SCORE)
    known = [verdict for verdict in verdicts if verdict != "UNKNOWN"]
    if score is None or score.verdict == "UNKNOWN" or len(known) < _ENOUGH:
        return _Answer.UNKNOWN
    balance = verdicts.count("IMPROVING") - verdicts.count("WORSENING")
    if balance > 0 and score.verdict != "WORSENING":
        return _Answer.BETTER
    if balance < 0 and score.verdict != "IMPROVING":
        return _Answer.WORSE
    return _Answer.SAME


def headline(snapshot: Snapshot) -> str:
    """One sentence from the numbers; the answer stands beside it."""
    if snapshot.data_day is None:
        return "No data was collected in this week, so nothing can be said of it."
    score = snapshot.score
    if score.managed is None:
        return "Nothing was evaluated in this week, so there is no posture score."
    parts = (_score(snapshot), *_movements(snapshot), _headlines(snapshot))
    return f"{'; '.join(parts)}."


def _is_unrated(snapshot: Snapshot) -> bool:
    coverage = snapshot.score.coverage
    return coverage is not None and coverage < RATED_COVERAGE


def _score(snapshot: Snapshot) -> str:
    score = snapshot.score
    if _is_unrated(snapshot):
        return (
            f"Only {score.coverage}% of what counts was checked, so the posture score of"
            f" {score.managed} is not rated"
        )
    return f"The posture score is {score.managed}{_moved(snapshot)}"


def _movements(snapshot: Snapshot) -> Iterator[str]:
    """The headlines whose control charts show more than the usual up and down.

    That is a comparison with the weeks that the limits come from, not with the week before.
    """
    for verdict, one, many in (
        ("IMPROVING", "is better than in its", "are better than in their"),
        ("WORSENING", "is worse than in its", "are worse than in their"),
    ):
        found = [entry.name for entry in snapshot.headline_kpis if entry.verdict == verdict]
        if len(found) > _NAMED:
            yield f"{len(found)} headlines {many} {_USUAL}"
        elif found:
            yield f"{' and '.join(found)} {one if len(found) == 1 else many} {_USUAL}"


def _moved(snapshot: Snapshot) -> str:
    delta, before = snapshot.score.delta, _before(snapshot)
    if delta is None:
        return ""
    if not delta:
        return f", as {before}"
    return f", {abs(delta)} {'above' if delta > 0 else 'below'} that of {before}"


def _before(snapshot: Snapshot) -> str:
    """What it is compared with: the newest day with data of a week earlier, or of long before."""
    day, previous = snapshot.data_day, snapshot.previous_day
    if day is None or previous is None or (day - previous).days == _DAYS_A_WEEK:
        return "a week ago"
    return f"{previous:%-d %B %Y}"


def _headlines(snapshot: Snapshot) -> str:
    entries = snapshot.headline_kpis
    off = [entry for entry in entries if entry.is_off_target]
    missing = sum(entry.status == "NO_DATA" for entry in entries)
    said = f"{len(off)} of {len(entries)} headlines {'is' if len(off) == 1 else 'are'} off target"
    return f"{said}, {missing} without data" if missing else said


def notes(
    snapshot: Snapshot, before: Snapshot | None, controls: Sequence[ControlChange]
) -> tuple[NoteEntry, ...]:
    """Every detected cause, in words.

    :param before: last week's snapshot, None where there is none: then nothing can have changed.
    :param controls: what became of controls in the week.
    """
    if snapshot.data_day is None:
        return ()
    found = [*_causes(snapshot)]
    if before is not None:
        found += [*_gates(snapshot, before), *_cards(snapshot, before)]
    return (*found, *_controls(controls))


def _causes(snapshot: Snapshot) -> Iterator[NoteEntry]:
    """Entries and exits of half a point or more: those alone, and together where only the sum is."""
    change = snapshot.change
    if change is None:
        return
    for part, note, total in (
        ("entries", "entry", change.entries),
        ("exits", "exit", change.exits),
    ):
        own = [cause for cause in change.causes if cause.part == part]
        large = [cause for cause in own if abs(cause.points) >= _WORTH_TELLING]
        for cause in large:
            yield NoteEntry(note, _SCORE, _cause_text(part, cause), cause.points)
        rest = total - sum((cause.points for cause in large), Decimal(0))
        if abs(rest) >= _WORTH_TELLING:
            small = [cause for cause in own if cause not in large]
            yield NoteEntry(note, _SCORE, _together(part, rest, small, more=bool(large)), rest)


def _cause_text(part: str, cause: CauseEntry) -> str:
    kind = "Entry" if part == "entries" else "Exit"
    cells = f"{cause.cells:,} {'cell' if cause.cells == 1 else 'cells'}"
    return f"{kind}: {cause.cause}, {cause.name} ({cells}): {points(cause.points)}."


def _together(part: str, rest: Decimal, causes: Sequence[CauseEntry], *, more: bool) -> str:
    kind = "entries" if part == "entries" else "exits"
    names = _some(f"{cause.name} ({cause.cause})" for cause in causes)
    which = f"{'Other ' if more else ''}{kind}"
    return f"{which[0].upper()}{which[1:]}: {names}: {points(rest)} together."


def points(value: Decimal) -> str:
    """Points of score as people write them: "+0.8 points"."""
    shown = one_decimal(value)
    sign = "+" if shown > 0 else _MINUS if shown < 0 else ""
    return f"{sign}{abs(shown)} {'point' if abs(shown) == 1 else 'points'}"


def _gates(snapshot: Snapshot, before: Snapshot) -> Iterator[NoteEntry]:
    """Where a gate began, ended or changed to hold a letter down; the organisation comes first."""
    earlier = {ou.ou_id: ou for ou in before.ous}
    for ou in snapshot.ous:
        old = earlier.get(ou.ou_id)
        if old is None or _gates_of(ou) == _gates_of(old):
            continue
        text = f"{ou.label}: rated {ou.reason or ou.letter}, a week ago {old.reason or old.letter}."
        yield NoteEntry("gate", _SCORE, text)


def _gates_of(ou: OuEntry) -> frozenset[str]:
    """The gates that hold an OU's letter down, by their words: their numbers change every week."""
    _, _, inside = ou.reason.partition(" (")
    parts = inside.removesuffix(")").split("; ") if inside else []
    said = (_NUMBERS.sub("#", part) for part in parts)
    return frozenset(
        part for part in said if not part.startswith("score says") and "needs two days" not in part
    )


def _cards(snapshot: Snapshot, before: Snapshot) -> Iterator[NoteEntry]:
    """Numbers that cannot be compared with last week's, because what they mean has changed."""
    earlier = {entry.kpi: entry for entry in before.kpis}
    for entry in snapshot.kpis:
        old = earlier.get(entry.kpi)
        name = f"{entry.kpi} {entry.name}"
        new_formula = snapshot.formula_versions.get(entry.kpi)
        old_formula = before.formula_versions.get(entry.kpi)
        if old is None or old_formula is None:
            continue
        if new_formula != old_formula:
            text = f"{name}: reckoned by version {new_formula} of its formula, until now {old_formula}."
            yield NoteEntry("formula", entry.kpi, text)
        if _targets(entry) != _targets(old):
            text = f"{name}: the target is now {entry.target_text}; it was {old.target_text}."
            yield NoteEntry("target", entry.kpi, text)


_Bounds = tuple[Decimal | None, Decimal | None]


def _targets(entry: KpiEntry) -> Mapping[str, _Bounds]:
    lines: list[tuple[str, KpiEntry | PartEntry]] = [("", entry)]
    lines += [(part.part, part) for part in entry.parts]
    bounds = {name: (line.target, line.amber) for name, line in lines}
    # A KPI without data has no parts: that is no change of their targets.
    return {name: pair for name, pair in bounds.items() if not name or pair != (None, None)}


def _controls(changes: Sequence[ControlChange]) -> Iterator[NoteEntry]:
    """One line for each thing that befell controls."""
    by_what: dict[str, list[ControlChange]] = {}
    for change in changes:
        by_what.setdefault(change.what, []).append(change)
    for what, found in by_what.items():
        number = f"{len(found)} {'control' if len(found) == 1 else 'controls'}"
        names = _some(f"{one.control_id} ({one.severity.title()})" for one in found)
        yield NoteEntry("control", "", f"{number} {what}: {names}.")


def _some(names: Iterable[str]) -> str:
    found = list(names)
    shown = ", ".join(found[:_NAMES_SHOWN])
    rest = len(found) - _NAMES_SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown
