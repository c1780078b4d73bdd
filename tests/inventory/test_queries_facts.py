"""The settings of an account in words: known, denied with the permission, or not asked yet."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from inventory.facts import Fact
from inventory.models import AccountFact
from inventory.queries import facts
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return factories.account()


@pytest.fixture
def engineer():
    return User.objects.create_superuser("engineer")


def fact(account, key, value=None, *, region="", state="KNOWN", **changes):
    return AccountFact.objects.create(
        account=account, key=key, value=value, region=region, state=state, as_of=NOW, **changes
    )


def by_label(settings):
    return {line.label: line for line in settings.lines}


def test_nothing_is_known_of_an_account_that_nobody_has_asked(account, engineer):
    found = facts.facts(engineer, account)
    assert found.is_empty
    assert {line.text for line in found.lines} == {"not asked yet"}
    assert found.not_asked == len(found.lines)


@pytest.mark.parametrize(
    ("key", "value", "text", "is_good"),
    [
        (Fact.ROOT_ACCESS_KEYS, 0, "none", True),
        (Fact.ROOT_ACCESS_KEYS, 1, "1", False),
        (Fact.ROOT_MFA, False, "off", False),
        (Fact.ROOT_PASSWORD, True, "set", None),
        (Fact.IAM_USERS, 12, "12", None),
        (Fact.CONTACT_SECURITY, False, "not set", False),
        (Fact.S3_BLOCK_PUBLIC_ACCESS, {"a": True, "b": True}, "2 of 2 on", True),
        (Fact.S3_BLOCK_PUBLIC_ACCESS, {"a": True, "b": False}, "1 of 2 on", False),
    ],
)
def test_a_known_fact_is_said_in_words(account, engineer, key, value, text, is_good):
    fact(account, key, value)
    (line,) = (line for line in facts.facts(engineer, account).lines if line.is_known)
    assert (line.text, line.is_good, line.as_of) == (text, is_good, NOW)


@pytest.mark.parametrize(
    ("value", "is_good"),
    [("off", False), ("block-ingress", True), ("block-bidirectional", True)],
)
def test_a_mode_of_a_region_is_said_as_aws_spells_it(account, engineer, value, is_good):
    fact(account, Fact.VPC_BLOCK_PUBLIC_ACCESS, value, region="eu-west-1")
    (region,) = facts.facts(engineer, account).regions
    (line,) = (line for line in region.lines if line.is_known)
    assert (line.text, line.is_good) == (value, is_good)


def test_a_refused_fact_names_its_permission_once(account, engineer):
    for key in (Fact.ROOT_MFA, Fact.IAM_USERS):
        fact(account, key, state="DENIED", missing_permission="iam:GetAccountSummary")
    found = facts.facts(engineer, account)
    assert found.missing == ("iam:GetAccountSummary",)
    assert by_label(found)["Root MFA"].text == "denied"
    assert not found.is_empty


def test_only_the_enabled_regions_are_shown_also_those_without_any_fact(account, engineer):
    for region, status in (
        ("eu-west-1", "ENABLED"),
        ("us-east-1", "ENABLED_BY_DEFAULT"),
        ("x-1", "DISABLED"),
    ):
        fact(account, "region.status", status, region=region)
    fact(account, Fact.EBS_ENCRYPTION, True, region="eu-west-1")
    fact(account, Fact.EBS_ENCRYPTION, True, region="x-1")
    found = facts.facts(engineer, account)
    assert [region.region for region in found.regions] == ["eu-west-1", "us-east-1"]
    assert {line.text for line in found.regions[1].lines} == {"not asked yet"}


def test_the_age_is_that_of_the_oldest_known_fact(account, engineer):
    fact(account, Fact.ROOT_MFA, True)
    old = fact(account, Fact.IAM_USERS, 1)
    AccountFact.objects.filter(pk=old.pk).update(as_of=NOW - timedelta(hours=9))
    denied = fact(account, Fact.IAM_ROLES, state="DENIED")
    AccountFact.objects.filter(pk=denied.pk).update(as_of=NOW - timedelta(hours=20))
    assert facts.facts(engineer, account).as_of == NOW - timedelta(hours=9)


def test_what_holds_for_the_organisation_shows_in_its_management_account_alone(account, engineer):
    fact(account, Fact.ROOT_CENTRAL, True)
    assert "Central root credentials" not in by_label(facts.facts(engineer, account))
    management = factories.account(account_id=factories.organization().management_account_id)
    fact(management, Fact.ROOT_CENTRAL, True)
    assert by_label(facts.facts(engineer, management))["Central root credentials"].text == "on"


def test_a_stranger_reads_no_fact(account, django_assert_num_queries):
    fact(account, Fact.ROOT_MFA, True)
    stranger = User.objects.create_user("stranger")
    assert facts.facts(stranger, account).is_empty


def test_however_many_facts_there_are_it_is_one_query(account, engineer, django_assert_num_queries):
    for region in ("eu-west-1", "eu-west-2", "us-east-1"):
        fact(account, "region.status", "ENABLED", region=region)
        fact(account, Fact.EBS_ENCRYPTION, True, region=region)
    account.ou.organization  # noqa: B018 - the page has it already
    engineer.get_all_permissions()
    with django_assert_num_queries(1):
        facts.facts(engineer, account)
