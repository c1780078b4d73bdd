"""When a finding was failing: its newest copies as a short history, and the episodes they come to.

Pure. A history is a sorted list of numbers, each the time of a copy and what it said; copies that
said neither failing nor not failing (WARNING, NOT_AVAILABLE) are not in it, since losing sight of a
fault neither opens nor closes anything. Episodes are made by replaying the history, so they do not
depend on the order in which the copies came.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from itertools import zip_longest
from typing import Final

# A history keeps this many copies. What is older is settled: no late copy changes it any more.
LIMIT: Final = 16
# Failing again within this time of a close resumes the episode and its clock.
RESUME_WITHIN: Final = timedelta(days=14)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_STATES: Final = 8


class State(IntEnum):
    """What a copy said. Of two at the same moment the greater counts: failing before all others."""

    PASSED = 1
    ARCHIVED = 2
    RESOLVED = 3
    VANISHED = 4
    OPEN = 7


@dataclass(frozen=True, slots=True)
class Stretch:
    """An episode: `closed_at` None and `close_reason` "" while it is open.

    `lapsed_at` and `resumed_at` are the ends of its newest lapse, None without one.
    """

    opened_at: datetime
    closed_at: datetime | None = None
    close_reason: str = ""
    resumed: int = 0
    lapsed_at: datetime | None = None
    resumed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


def entry(at: datetime, state: State) -> int:
    """Return a moment and a state as one number; numbers sort by moment, then state."""
    return (at - _EPOCH) // _MICROSECOND * _STATES + state


def moment(number: int) -> datetime:
    return _EPOCH + number // _STATES * _MICROSECOND


def state(number: int) -> State:
    return State(number % _STATES)


def ends_open(history: Sequence[int]) -> bool:
    return bool(history) and state(history[-1]) is State.OPEN


def trimmed(history: Sequence[int]) -> list[int]:
    return list(history[-LIMIT:])


def append(history: Sequence[int], number: int) -> list[int]:
    """Return the history with one more entry in its place; the same if it is there already."""
    place = bisect_left(history, number)
    if place < len(history) and history[place] == number:
        return list(history)
    return [*history[:place], number, *history[place:]]


def correct(history: Sequence[int], *, to: State, at: datetime) -> list[int]:
    """Return a history that ends in the state of the newest copy.

    It may not: a workflow changes without a new UpdatedAt. Then what was read at `at` counts.
    """
    if history and (state(history[-1]) is State.OPEN) == (to is State.OPEN):
        return list(history)
    after = moment(history[-1]) + _MICROSECOND if history else at
    return [*history, entry(max(at, after), to)]


def returned(history: Sequence[int], *, at: datetime) -> list[int]:
    """Return the history of a finding that is back: a copy of before its absence denies that."""
    return [one for one in history if state(one) is not State.VANISHED or moment(one) < at]


def accepts(history: Sequence[int], number: int, *, stored: Sequence[Stretch]) -> bool:
    """Say whether a copy can still change the episodes: it is not older than what is settled."""
    if not history or number >= history[0]:
        return bool(history) or not stored or number > entry(_latest(stored), State.OPEN)
    return len(history) < LIMIT and not _settled(history, stored)


def replay(
    history: Sequence[int], *, old: Sequence[int], stored: Sequence[Stretch]
) -> list[Stretch]:
    """Return all episodes of a finding, oldest first, by its new history.

    `stored` are its episodes so far, oldest first, which `old` led to; those that began before
    `old` does are settled.
    """
    settled = _settled(old, stored)
    if settled and old and _reaches(settled[-1], moment(old[0])):
        reopened = replace(settled[-1], closed_at=None, close_reason="", resumed=0)
        resumed = _play([reopened], old)[0].resumed
        settled[-1] = replace(reopened, resumed=max(settled[-1].resumed - resumed, 0))
        if reopened.lapsed_at and reopened.lapsed_at >= moment(old[0]):
            # Within the history: the replay finds it again, if it is still there.
            settled[-1] = replace(settled[-1], lapsed_at=None, resumed_at=None)
    return _play(settled, history)


def granted(stretches: Sequence[Stretch], grants: Sequence[datetime]) -> list[datetime | None]:
    """When each of these episodes, oldest first, was excepted, if episodes were at those moments.

    A moment belongs to the episode that holds it; between two, to the one after it, from its
    beginning on; after the last, to that one, which was over by then.
    """
    given: list[datetime | None] = [None] * len(stretches)
    for at in sorted(grants):
        place = next(
            (n for n, one in enumerate(stretches) if one.closed_at is None or at <= one.closed_at),
            len(stretches) - 1,
        )
        if place >= 0 and given[place] is None:
            given[place] = max(at, stretches[place].opened_at)
    return given


def _settled(history: Sequence[int], stored: Sequence[Stretch]) -> list[Stretch]:
    if not history:
        return list(stored)
    start = moment(history[0])
    return [stretch for stretch in stored if stretch.opened_at < start]


def _reaches(stretch: Stretch, start: datetime) -> bool:
    return stretch.closed_at is None or stretch.closed_at >= start


def _latest(stored: Sequence[Stretch]) -> datetime:
    last = stored[-1]
    return last.closed_at or last.opened_at


def _play(before: Sequence[Stretch], history: Sequence[int]) -> list[Stretch]:
    stretches = list(before)
    for number, following in zip_longest(history, history[1:]):
        if following is not None and following // _STATES == number // _STATES:
            continue
        at, said = moment(number), state(number)
        last = stretches[-1] if stretches else None
        if last is not None and last.closed_at is None:
            if said is not State.OPEN:
                closed_at = max(at, last.opened_at)
                stretches[-1] = replace(last, closed_at=closed_at, close_reason=said.name)
        elif said is State.OPEN:
            if last and last.closed_at and last.closed_at > at - RESUME_WITHIN:
                stretches[-1] = replace(
                    last,
                    closed_at=None,
                    close_reason="",
                    resumed=last.resumed + 1,
                    lapsed_at=last.closed_at,
                    resumed_at=at,
                )
            else:
                stretches.append(Stretch(at))
    return stretches
