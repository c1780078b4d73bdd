"""Which accounts a collection asks for their settings, and when again."""

from datetime import timedelta

import pytest

from inventory import actions as run_actions
from inventory.models import Collection, CollectionRun
from posture import actions
from posture.actions import collection as collections
from posture.models import RollupState
from posture.rollups import facts
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def accounts(settings):
    settings.POSTURE_FACTS_EVERY_HOURS = 24
    settings.POSTURE_HUB_ROLE_ARN = ""
    factories.account(state="SUSPENDED")
    return [factories.account() for _ in range(3)]


def asked_before(account_id, *, state="COMPLETE", hours):
    collection = Collection.objects.create(as_of=NOW - timedelta(hours=hours), state="COMPLETE")
    CollectionRun.objects.create(
        collection=collection,
        organization=factories.organization(),
        source="ACCOUNT_FACTS",
        account_id=account_id,
        state=state,
    )


def asked_now(*, requested_by=""):
    started = run_actions.start_collection(as_of=NOW, is_full=True, requested_by=requested_by)
    run_actions.add_runs(
        started,
        [("ORGANIZATIONS", "", "")],
        organization=factories.organization(),
        now=NOW,
        full_since=NOW,
    )
    started.runs.update(state="COMPLETE")
    _, runs = actions.advance(started.pk, now=NOW)
    return {run.account_id for run in runs if run.source == "ACCOUNT_FACTS"}


def test_at_first_the_organisation_and_every_active_account_are_asked(accounts):
    assert asked_now() == {"", *(account.account_id for account in accounts)}


def test_who_has_told_is_not_asked_again_before_its_time(accounts):
    first, second, third = (account.account_id for account in accounts)
    asked_before("", hours=23)
    asked_before(first, hours=23)
    asked_before(second, hours=25)
    assert asked_now() == {second, third}


def test_a_refusal_holds_like_an_answer_and_a_failure_for_an_hour(accounts):
    first, second, third = (account.account_id for account in accounts)
    asked_before(first, state="DENIED", hours=2)
    asked_before(second, state="FAILED", hours=2)
    asked_before(third, state="FAILED", hours=0.5)
    assert asked_now() == {"", second}


def test_who_collects_by_hand_asks_at_once_what_was_not_told(accounts):
    first, second, third = (account.account_id for account in accounts)
    asked_before(first, state="DENIED", hours=2)
    asked_before(second, state="PARTIAL", hours=0.2)
    asked_before(third, hours=2)
    assert asked_now(requested_by="m.keller") == {"", first, second}


def test_nobody_is_asked_where_that_is_switched_off(accounts, settings):
    settings.POSTURE_FACTS_EVERY_HOURS = 0
    assert asked_now() == set()


def test_of_many_accounts_those_that_wait_longest_are_asked_first(accounts, monkeypatch):
    monkeypatch.setattr(collections, "FACTS_AT_ONCE", 2)
    first, second, third = (account.account_id for account in accounts)
    asked_before(first, hours=30)
    asked_before(third, hours=40)
    assert asked_now() == {"", second, third}


def test_a_replayed_week_asks_who_is_new_and_a_quarter_of_the_others(accounts):
    under_way()
    more = sorted([*(account.account_id for account in accounts), *new_accounts(5)])
    for hours, account_id in enumerate(more[:7], start=24 * 7):
        asked_before(account_id, hours=hours)
    asked_before("", hours=24)
    # Two of eight, those that wait longest, and the one that nobody has asked.
    assert asked_now() == {more[7], more[6], more[5]}
    assert actions.facts_every(NOW) == timedelta(days=28)


def test_nobody_is_asked_twice_within_a_replayed_week(accounts):
    under_way()
    for account in accounts:
        asked_before(account.account_id, hours=24 * 6)
    assert asked_now() == {""}


def test_the_end_of_a_replayed_past_asks_as_often_as_it_is_set(accounts):
    under_way(until=NOW)
    assert actions.facts_every(NOW) == timedelta(hours=24)
    for account in accounts:
        asked_before(account.account_id, hours=25)
    assert asked_now() == {"", *(account.account_id for account in accounts)}


def test_the_past_asks_nobody_either_where_that_is_switched_off(settings):
    settings.POSTURE_FACTS_EVERY_HOURS = 0
    under_way()
    assert actions.facts_every(NOW) == timedelta(0)
    assert asked_now() == set()


@pytest.mark.parametrize(
    ("every", "held"),
    [
        (timedelta(0), timedelta(hours=72)),
        (timedelta(hours=24), timedelta(hours=72)),
        (timedelta(days=7), timedelta(days=14)),
        (timedelta(days=28), timedelta(days=30)),
    ],
)
def test_a_fact_holds_for_two_rounds_of_asking_as_the_collection_of_then_has_them(every, held):
    then = NOW - timedelta(weeks=20)
    Collection.objects.create(as_of=then, state="COMPLETE", facts_every=every)
    Collection.objects.create(as_of=NOW, state="COMPLETE", facts_every=timedelta(hours=96))
    assert facts.hold(then + timedelta(hours=3)) == held
    assert facts.hold(NOW) == timedelta(hours=192)


def test_before_anything_was_collected_a_fact_holds_as_it_is_set(settings):
    settings.POSTURE_FACTS_EVERY_HOURS = 48
    assert facts.hold(NOW) == timedelta(hours=96)


def under_way(*, until=NOW + timedelta(weeks=4)):
    RollupState.objects.create(name=actions.HISTORY, day=until.date(), as_of=until)


def new_accounts(number):
    return [factories.account().account_id for _ in range(number)]
