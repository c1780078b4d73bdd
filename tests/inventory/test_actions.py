"""The life of a run: claimed once, ended by who claimed it, rescued from the dead."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory import actions, aws
from inventory.models import Collection, CollectionRun

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def clock():
    return NOW


@pytest.fixture
def run():
    collection = actions.start_collection(as_of=NOW, is_full=True, requested_by="priya")
    assert collection is not None
    return actions.add_runs(
        collection, [("ORGANIZATIONS", "", "")], organization=None, now=NOW, full_since=NOW
    )[0]


def fail_with(error):
    def work(run, pulse):
        raise error

    return work


def where(**changes):
    return {"service": "organizations", "operation": "ListAccounts"} | changes


def test_only_one_collection_runs_at_a_time(run):
    assert actions.start_collection(as_of=NOW, is_full=True, requested_by="") is None


def test_a_run_that_was_claimed_is_not_claimed_again(run):
    done = []
    assert actions.perform(run.pk, lambda r, p: done.append(r) or actions.Outcome(), clock=clock)
    assert actions.perform(run.pk, fail_with(AssertionError()), clock=clock) is None
    assert len(done) == 1


def test_a_complete_run_keeps_its_counts_and_watermark(run):
    outcome = actions.Outcome(counts={"accounts": 60}, watermark=NOW)
    assert actions.perform(run.pk, lambda r, p: outcome, clock=clock) == "COMPLETE"
    run.refresh_from_db()
    assert (run.counts, run.watermark, run.finished_at) == ({"accounts": 60}, NOW, NOW)


def test_a_problem_that_did_not_stop_the_run_makes_it_partial(run):
    problem = aws.Denied("No.", permission="organizations:ListTagsForResource", **where())
    outcome = actions.Outcome(problems=(problem,))
    assert actions.perform(run.pk, lambda r, p: outcome, clock=clock) == "PARTIAL"


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (aws.Denied("No.", permission="organizations:ListAccounts", **where()), "DENIED"),
        (aws.NotConfigured("Off.", **where()), "NOT_CONFIGURED"),
        (aws.Throttled("Slow down.", **where()), "FAILED"),
    ],
)
def test_a_source_error_ends_the_run_in_its_state_with_its_words(run, error, state):
    assert actions.perform(run.pk, fail_with(error), clock=clock) == state
    run.refresh_from_db()
    assert run.error == str(error)
    assert run.missing_permission == error.permission


def test_a_fault_of_ours_leaves_the_run_failed_and_goes_on(run):
    with pytest.raises(ZeroDivisionError):
        actions.perform(run.pk, fail_with(ZeroDivisionError()), clock=clock)
    run.refresh_from_db()
    assert run.state == "FAILED"


def test_a_worker_that_was_given_up_writes_no_end_over_its_successor(run):
    def slow(claimed, pulse):
        later = NOW + timedelta(minutes=10)
        rescued = actions.rescue(now=later, silent_for=timedelta(minutes=3))
        assert [r.pk for r in rescued] == [run.pk]
        assert actions.perform(run.pk, lambda r, p: actions.Outcome({"n": 2}), clock=clock)
        return actions.Outcome({"n": 1})

    actions.perform(run.pk, slow, clock=clock)
    run.refresh_from_db()
    assert (run.state, run.counts, run.attempt) == ("COMPLETE", {"n": 2}, 2)


def test_a_run_that_shows_life_is_not_rescued(run):
    assert actions.rescue(now=NOW + timedelta(minutes=1), silent_for=timedelta(minutes=3)) == []


def test_the_pulse_writes_at_most_once_a_second(run, django_assert_num_queries):
    pulse = actions.Pulse(run, clock)
    with django_assert_num_queries(1):
        for number in range(5):
            pulse.beat({"accounts": number})


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["COMPLETE", "NOT_CONFIGURED"], "COMPLETE"),
        (["COMPLETE", "DENIED"], "PARTIAL"),
        (["PARTIAL"], "PARTIAL"),
        (["FAILED", "DENIED"], "FAILED"),
    ],
)
def test_a_collection_ends_as_its_runs_add_up(states, expected):
    collection = Collection.objects.create(as_of=NOW)
    for number, state in enumerate(states):
        CollectionRun.objects.create(
            collection=collection, source="ACCESS_ANALYZER", region=str(number), state=state
        )
    actions.finish_collection(collection, now=NOW)
    collection.refresh_from_db()
    assert (collection.state, collection.finished_at) == (expected, NOW)
