"""What is collected once a day stays on the sync page between two readings."""

from datetime import timedelta

import pytest

from inventory.models import Collection, CollectionRun
from inventory.queries import runs
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db

QUARTER = timedelta(minutes=15)


@pytest.fixture
def engineer():
    return factories.security_engineer()


def collection(as_of):
    return Collection.objects.create(
        as_of=as_of, state="COMPLETE", finished_at=as_of, is_full=False
    )


def asked(collection, *, source="ACCOUNT_FACTS", state="DENIED", account_id="300000000001", **more):
    return CollectionRun.objects.create(
        collection=collection, source=source, account_id=account_id, state=state, **more
    )


def test_an_account_that_refused_shows_until_it_is_asked_again(engineer, settings):
    settings.POSTURE_FACTS_EVERY_HOURS = 24
    asked(collection(NOW - timedelta(hours=20)))
    asked(collection(NOW - timedelta(hours=19)), source="CONTROLS", account_id="")
    for number in range(6):
        collection(NOW - number * QUARTER)
    shown = runs.scopes(engineer)
    assert [(scope.source, scope.state) for scope in shown] == [("ACCOUNT_FACTS", "DENIED")]
    assert runs.freshness(engineer).problems == (("account settings", "denied", 1),)


def test_of_two_readings_the_newest_shows(engineer):
    asked(collection(NOW - timedelta(hours=26)))
    asked(collection(NOW - timedelta(hours=2)), state="COMPLETE")
    (scope,) = runs.scopes(engineer)
    assert scope.state == "COMPLETE"


def test_an_account_that_nobody_asks_any_more_does_not_show_for_ever(engineer):
    asked(collection(NOW - timedelta(hours=60)))
    for number in range(6):
        collection(NOW - number * QUARTER)
    assert runs.scopes(engineer) == ()


@pytest.mark.parametrize(
    ("permission", "step"),
    [
        ("iam:GetAccountSummary", "Allow iam:GetAccountSummary in the read role"),
        ("sts:AssumeRole", "Deploy the read role in this account"),
    ],
)
def test_a_denial_names_the_next_step(engineer, permission, step):
    asked(collection(NOW), missing_permission=permission)
    (scope,) = runs.scopes(engineer)
    assert scope.next_step.startswith(step)
