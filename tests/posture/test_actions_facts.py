"""Which accounts a collection asks for their settings, and when again."""

from datetime import timedelta

import pytest

from inventory import actions as run_actions
from inventory.models import Collection, CollectionRun
from posture import actions
from posture.actions import collection as collections
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
