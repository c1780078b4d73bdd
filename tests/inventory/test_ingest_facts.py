"""What sources told of accounts, as it is stored: what is newer counts, and a refusal never hides."""

from datetime import timedelta

import pytest

from inventory import ingest
from inventory.facts import Fact, Reading
from inventory.models import AccountFact
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return factories.account()


def store(account, *readings, as_of=NOW):
    return ingest.store_readings(account.organization, readings, as_of=as_of)


def known(account, value=True, *, key=Fact.ROOT_MFA, region=""):
    return Reading(account.account_id, key, value, region)


def denied(account, permission="iam:GetAccountSummary"):
    return Reading(account.account_id, Fact.ROOT_MFA, state="DENIED", missing_permission=permission)


def unavailable(account):
    return Reading(account.account_id, Fact.ROOT_MFA, state="UNAVAILABLE")


def row(account):
    fact = AccountFact.objects.get(account=account, key=Fact.ROOT_MFA)
    return fact.value, fact.state, fact.missing_permission, fact.as_of


def test_every_kind_of_value_comes_back_as_it_was(account):
    values = {
        Fact.ROOT_MFA: False,
        Fact.IAM_USERS: 7,
        Fact.VPC_BLOCK_PUBLIC_ACCESS: "block-ingress",
        Fact.S3_BLOCK_PUBLIC_ACCESS: {"BlockPublicAcls": True},
    }
    counts = store(account, *(known(account, value, key=key) for key, value in values.items()))
    assert counts == {"known": 4, "denied": 0, "unavailable": 0, "left": 0}
    assert dict(AccountFact.objects.values_list("key", "value")) == values


def test_the_same_fact_in_two_regions_is_two_rows_and_storing_again_changes_neither(account):
    readings = [
        known(account, key=Fact.EBS_ENCRYPTION, region="eu-west-1"),
        known(account, False, key=Fact.EBS_ENCRYPTION, region="us-east-1"),
    ]
    store(account, *readings)
    before = list(AccountFact.objects.order_by("pk").values())
    store(account, *readings)
    assert list(AccountFact.objects.order_by("pk").values()) == before
    assert len(before) == 2


def test_the_last_of_two_readings_of_a_fact_counts(account):
    assert store(account, known(account), known(account, False))["known"] == 1
    assert row(account)[0] is False


def test_a_refusal_takes_the_value_away_and_names_the_permission(account):
    store(account, known(account))
    later = NOW + timedelta(hours=1)
    assert store(account, denied(account), as_of=later)["denied"] == 1
    assert row(account) == (None, "DENIED", "iam:GetAccountSummary", later)
    store(account, known(account, False), as_of=later + timedelta(hours=1))
    assert row(account)[:3] == (False, "KNOWN", "")


def test_what_cannot_be_read_for_a_while_stays_known_with_its_age(account):
    store(account, known(account))
    assert store(account, unavailable(account), as_of=NOW + timedelta(hours=71))["left"] == 1
    assert row(account) == (True, "KNOWN", "", NOW)
    late = NOW + timedelta(hours=73)
    assert store(account, unavailable(account), as_of=late)["unavailable"] == 1
    assert row(account) == (None, "UNAVAILABLE", "", late)


def test_what_could_never_be_read_is_a_row_that_says_so(account):
    store(account, unavailable(account))
    assert row(account) == (None, "UNAVAILABLE", "", NOW)


def test_an_older_reading_changes_nothing(account):
    store(account, known(account))
    assert store(account, denied(account), as_of=NOW - timedelta(hours=1))["left"] == 1
    assert row(account) == (True, "KNOWN", "", NOW)


def test_readings_of_accounts_that_nobody_knows_are_left_out(account):
    stranger = Reading("999999999999", Fact.ROOT_MFA, True)
    counts = store(account, known(account), stranger)
    assert (counts["known"], counts["left"]) == (1, 1)
    assert AccountFact.objects.count() == 1


def test_many_readings_are_stored_in_one_statement(account, django_assert_num_queries):
    accounts = [factories.account() for _ in range(40)]
    readings = [
        known(one, key=Fact.GUARDDUTY, region=region)
        for one in accounts
        for region in ("eu-west-1", "us-east-1", "eu-west-2")
    ]
    with django_assert_num_queries(3):  # a savepoint, the statement, its release
        assert store(account, *readings)["known"] == 120
