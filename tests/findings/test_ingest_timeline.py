"""Episodes replayed from the history of a finding."""

from datetime import timedelta

from findings.ingest import timeline
from findings.ingest.timeline import State, Stretch
from tests.findings.records import NOW

DAY = timedelta(days=1)


def at(days, state):
    return timeline.entry(NOW + days * DAY, state)


def replay(*history, old=(), stored=()):
    return timeline.replay(list(history), old=list(old), stored=list(stored))


def stretch(opened, closed=None, reason="", resumed=0, lapse=()):
    ended = None if closed is None else NOW + closed * DAY
    return Stretch(
        NOW + opened * DAY, ended, reason, resumed, *(NOW + days * DAY for days in lapse)
    )


def test_a_number_tells_its_moment_and_state_and_sorts_by_them():
    numbers = [at(1, State.OPEN), at(1, State.PASSED), at(0.5, State.OPEN)]
    told = [(timeline.moment(n), timeline.state(n)) for n in sorted(numbers)]
    assert told == [
        (NOW + 0.5 * DAY, State.OPEN),
        (NOW + DAY, State.PASSED),
        (NOW + DAY, State.OPEN),
    ]


def test_failing_again_within_14_days_resumes_and_after_that_begins_anew():
    history = [at(0, State.OPEN), at(1, State.PASSED), at(14.9, State.OPEN)]
    assert replay(*history) == [stretch(0, resumed=1, lapse=(1, 14.9))]
    history = [at(0, State.OPEN), at(1, State.PASSED), at(15, State.OPEN)]
    assert replay(*history) == [stretch(0, 1, "PASSED"), stretch(15)]


def test_of_two_at_the_same_moment_failing_counts():
    assert replay(at(0, State.PASSED), at(0, State.OPEN)) == [stretch(0)]


def test_the_first_reason_to_close_is_kept():
    history = [at(0, State.OPEN), at(1, State.ARCHIVED), at(2, State.PASSED)]
    assert replay(*history) == [stretch(0, 1, "ARCHIVED")]


def test_what_began_before_the_history_is_settled_and_what_reaches_into_it_goes_on():
    stored = [stretch(-50, -40, "PASSED"), stretch(-9, 3, "PASSED", 2, lapse=(-4, -2))]
    old = [at(0, State.OPEN), at(3, State.PASSED)]
    assert replay(*old, old=old, stored=stored) == stored
    late = [at(0, State.OPEN), at(1, State.PASSED), at(2, State.OPEN), at(3, State.PASSED)]
    assert replay(*late, old=old, stored=stored) == [
        stored[0],
        stretch(-9, 3, "PASSED", 3, lapse=(1, 2)),
    ]
    # The copy that told of the newest lapse was wrong: the one before it is not known any more.
    assert replay(*old, old=late, stored=replay(*late, old=old, stored=stored)) == [
        stored[0],
        stretch(-9, 3, "PASSED", 2),
    ]


def test_a_lapse_stays_known_when_its_end_is_the_oldest_thing_of_the_history():
    stored = [stretch(-9, resumed=1, lapse=(-1, 0))]
    old = [at(0, State.OPEN), at(1, State.OPEN)]
    assert replay(*old, at(2, State.OPEN), old=old, stored=stored) == stored


def test_a_copy_from_before_what_is_settled_is_not_accepted():
    full = [at(number, State.OPEN) for number in range(timeline.LIMIT)]
    stored = [stretch(0)]
    assert not timeline.accepts(full, at(-1, State.PASSED), stored=stored)
    assert timeline.accepts(full, at(0.5, State.PASSED), stored=stored)
    assert timeline.accepts(full[:3], at(-1, State.PASSED), stored=stored)
    assert not timeline.accepts([], at(-1, State.PASSED), stored=stored)


def test_a_history_that_ends_otherwise_than_the_newest_copy_is_put_right():
    history = [at(0, State.OPEN)]
    closed = timeline.correct(history, to=State.RESOLVED, at=NOW + DAY)
    assert replay(*closed) == [stretch(0, 1, "RESOLVED")]
    assert timeline.correct(closed, to=State.PASSED, at=NOW + 2 * DAY) == closed
    early = timeline.correct(history, to=State.RESOLVED, at=NOW - DAY)
    assert timeline.moment(early[-1]) > NOW
