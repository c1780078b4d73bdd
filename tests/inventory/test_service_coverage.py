"""Security services asked of the sandbox's delegated administrator, run by run, down to the stored facts."""

from datetime import timedelta

import pytest

from inventory import actions, tasks
from inventory.facts import Fact
from inventory.models import Account, AccountFact, CollectionRun, DelegatedAdministrator
from inventory.queries import coverage
from sandbox.faults import Rule
from tests import factories
from tests.fixtures.hub import NOW

REGION = "eu-west-1"
PRINCIPALS = ("guardduty", "securityhub", "inspector2", "macie", "sso")
EVERY_FACT = (
    Fact.GUARDDUTY,
    Fact.SECURITY_HUB,
    Fact.INSPECTOR_EC2,
    Fact.INSPECTOR_ECR,
    Fact.INSPECTOR_LAMBDA,
    Fact.MACIE,
    Fact.MACIE_DISCOVERY,
)


@pytest.fixture
def world(hub):
    """The sandbox, its accounts with their Regions, and its delegations, as a collection leaves them."""
    snapshot = hub.running.world.moment().snapshot
    AccountFact.objects.bulk_create(
        AccountFact(
            account=account,
            region=entry.region,
            key="region.status",
            value=entry.status,
            state="KNOWN",
        )
        for account in Account.objects.all()
        for entry in snapshot.regions[account.account_id]
    )
    for principal in PRINCIPALS:
        delegate(hub, principal)
    return hub


def delegate(hub, principal, account_id=""):
    DelegatedAdministrator.objects.create(
        organization=hub.organization,
        account_id=account_id or hub.running.org.security_account_id,
        service_principal=f"{principal}.amazonaws.com",
    )


def collect(hub, region, *, as_of=NOW):
    """Perform one run and return it."""
    collection = factories.collection(as_of=as_of, state="RUNNING", finished_at=None)
    run = factories.run(
        collection=collection,
        organization=hub.organization,
        source="SERVICE_COVERAGE",
        region=region,
        state="PENDING",
        counts={},
        finished_at=None,
    )
    tasks.collect_service_coverage(run_id=run.pk, then="posture.collect_advance")
    collection.state = "COMPLETE"
    collection.save()
    run.refresh_from_db()
    return run


def known(fact, region=REGION):
    """What is known of each account."""
    rows = AccountFact.objects.filter(key=fact, region=region, state="KNOWN")
    return dict(rows.values_list("account__account_id", "value"))


def states(hub, region=REGION):
    return hub.running.world.moment().services(region)


def test_a_run_stores_for_every_active_account_what_the_administrators_say(world, sent):
    run = collect(world, REGION)
    assert (run.state, run.error) == ("COMPLETE", "")
    told = states(world)
    assert set(told) == set(coverage.active_accounts(world.organization))
    assert known(Fact.GUARDDUTY) == {a: s.guardduty == "Enabled" for a, s in told.items()}
    assert known(Fact.SECURITY_HUB) == dict.fromkeys(told, True)
    assert known(Fact.INSPECTOR_EC2) == {a: "ec2" in s.scans for a, s in told.items()}
    assert known(Fact.INSPECTOR_LAMBDA) == {a: "lambda" in s.scans for a, s in told.items()}
    assert known(Fact.MACIE) == {a: s.macie == "Enabled" for a, s in told.items()}
    assert known(Fact.MACIE_DISCOVERY) == {a: s.has_discovery for a, s in told.items()}
    assert set(known(Fact.GUARDDUTY).values()) == {True, False}
    assert run.counts["known"] == len(told) * len(EVERY_FACT)
    assert sent() == ["posture.collect_advance"]


def test_a_second_run_changes_nothing_and_a_later_one_follows_the_clock(world, sent):
    region = "eu-west-2"
    collect(world, region)
    rows, before = list(AccountFact.objects.order_by("pk").values()), known(Fact.GUARDDUTY, region)
    collect(world, region)
    assert list(AccountFact.objects.order_by("pk").values()) == rows
    later = NOW + timedelta(days=200)
    world.running.clock(later)
    collect(world, region, as_of=later)
    now = known(Fact.GUARDDUTY, region)
    told = {a: s.guardduty == "Enabled" for a, s in states(world, region).items()}
    assert {a: on for a, on in now.items() if a in told} == {
        a: on for a, on in told.items() if a in now
    }
    assert any(now[account] != before[account] for account in before)


def test_a_refused_service_is_denied_in_every_account_and_the_others_are_read(world, sent):
    world.faults.add(Rule("deny", service="guardduty", operation="ListMembers"))
    run = collect(world, REGION)
    assert (run.state, run.missing_permission) == ("PARTIAL", "guardduty:ListMembers")
    denied = AccountFact.objects.filter(key=Fact.GUARDDUTY, region=REGION)
    assert set(denied.values_list("state", "value", "missing_permission")) == {
        ("DENIED", None, "guardduty:ListMembers")
    }
    assert denied.count() == len(states(world))
    assert len(known(Fact.MACIE)) == len(states(world))


def test_a_refusal_takes_away_what_was_known_before(world, sent):
    collect(world, REGION)
    world.faults.add(Rule("deny", service="inspector2"))
    collect(world, REGION)
    assert known(Fact.INSPECTOR_EC2) == {}
    assert len(known(Fact.GUARDDUTY)) == len(states(world))


@pytest.mark.parametrize(
    "rule",
    [
        Rule("error", service="macie2", operation="ListMembers", status=503),
        Rule("truncate", service="macie2", operation="ListMembers"),
    ],
    ids=["out of service", "cut off"],
)
def test_a_list_that_cannot_be_read_leaves_what_was_known_with_its_age(world, sent, rule):
    collect(world, REGION)
    rows = AccountFact.objects.filter(key=Fact.MACIE, region=REGION).order_by("pk")
    before = list(rows.values())
    world.faults.add(rule)
    later = NOW.replace(hour=20)
    run = collect(world, REGION, as_of=later)
    assert run.state == "PARTIAL"
    assert "macie2:ListMembers" in run.error
    assert list(rows.values()) == before
    assert set(
        AccountFact.objects.filter(key=Fact.GUARDDUTY, region=REGION).values_list("as_of")
    ) == {(later,)}


def test_a_role_that_cannot_be_taken_on_denies_the_run_and_all_its_facts(world, sent):
    world.faults.add(Rule("deny", service="sts"))
    run = collect(world, REGION)
    assert (run.state, run.missing_permission) == ("DENIED", "sts:AssumeRole")
    facts = AccountFact.objects.filter(region=REGION, key__in=EVERY_FACT)
    assert set(facts.values_list("state", "missing_permission")) == {("DENIED", "sts:AssumeRole")}
    assert facts.count() == len(EVERY_FACT) * len(states(world))


def test_without_a_delegated_administrator_the_run_says_what_to_do(world, sent):
    DelegatedAdministrator.objects.filter(service_principal="macie.amazonaws.com").delete()
    run = collect(world, REGION)
    assert run.state == "NOT_CONFIGURED"
    assert "delegated administrator of Amazon Macie" in run.error
    assert "RegisterDelegatedAdministrator" in run.error
    # The hub account tells of itself and of those that it administers; nobody else is known to be off.
    listed = {a for a, state in states(world).items() if state.macie}
    assert set(known(Fact.MACIE)) == listed | {world.running.org.security_account_id}
    assert len(known(Fact.GUARDDUTY)) == len(states(world))


def test_another_account_that_administers_a_service_is_asked_by_its_member_role(world, sent):
    DelegatedAdministrator.objects.filter(service_principal="guardduty.amazonaws.com").delete()
    other = next(
        account
        for account, state in states(world).items()
        if state.guardduty == "Enabled" and account != world.running.org.security_account_id
    )
    delegate(world, "guardduty", other)
    run = collect(world, REGION)
    assert run.state == "COMPLETE"
    # The sandbox gives it no members: an empty list that is complete.
    assert known(Fact.GUARDDUTY) == {account: account == other for account in states(world)}


def test_a_region_that_the_administrator_does_not_have_is_told_by_nobody(world, sent):
    region = "eu-south-2"
    AccountFact.objects.filter(key="region.status", region=region).exclude(
        account__account_id=world.running.org.security_account_id
    ).update(value="ENABLED")
    run = collect(world, region)
    assert run.state == "NOT_CONFIGURED"
    assert f"Enable {region} in account {world.running.org.security_account_id}" in run.error
    facts = AccountFact.objects.filter(region=region).exclude(key="region.status")
    assert set(facts.values_list("key", "state")) == {
        (Fact.MACIE, "UNAVAILABLE"),
        (Fact.MACIE_DISCOVERY, "UNAVAILABLE"),
    }


def test_identity_center_is_read_once_for_the_organisation(world, sent):
    run = collect(world, "")
    assert run.state == "COMPLETE"
    management = world.organization.management_account_id
    assert management not in known(Fact.IDENTITY_CENTER, "")
    world.organization.management_account_id = world.running.org.management_account_id
    world.organization.save()
    collect(world, "")
    management = world.running.org.management_account_id
    assert known(Fact.IDENTITY_CENTER, "") == {management: True}
    assert known(Fact.PERMISSION_SETS, "") == {management: 10}
    sets = known(Fact.ASSIGNED_PERMISSION_SETS, "")
    assert set(sets) == set(coverage.active_accounts(world.organization))
    assert min(sets.values()) >= 2


def test_identity_center_that_is_not_delegated_is_asked_in_the_management_account(
    world, sent, settings
):
    DelegatedAdministrator.objects.filter(service_principal="sso.amazonaws.com").delete()
    world.organization.management_account_id = world.running.org.management_account_id
    world.organization.save()
    account_id = world.running.org.management_account_id
    world.faults.add(Rule("deny", service="sts", account=account_id))
    run = collect(world, "")
    assert (run.state, run.missing_permission) == ("DENIED", "sts:AssumeRole")
    world.faults.clear()
    assert collect(world, "").state == "COMPLETE"
    world.faults.add(Rule("deny", service="sso"))
    assert collect(world, "").missing_permission == "sso:ListInstances"
    assert known(Fact.IDENTITY_CENTER, "") == {}
    world.faults.clear()
    settings.POSTURE_MANAGEMENT_ROLE_ARN = f"arn:aws:iam::{account_id}:role/ParapetManagementRead"
    tasks.door().close()
    tasks.door.cache_clear()
    assert collect(world, "").state == "COMPLETE"
    assert known(Fact.IDENTITY_CENTER, "") == {account_id: True}


def test_an_account_whose_regions_nobody_told_has_those_that_are_on_by_default(world):
    account = Account.objects.get(account_id=coverage.active_accounts(world.organization)[0])
    AccountFact.objects.filter(account=account).delete()
    assert account.account_id in coverage.accounts_in(world.organization, REGION)
    AccountFact.objects.filter(region="eu-south-2").update(value="ENABLED")
    assert account.account_id not in coverage.accounts_in(world.organization, "eu-south-2")


def test_of_several_administrators_the_hub_account_is_asked(world):
    delegate(world, "guardduty", "000000000001")
    hub = actions.hub_account_id()
    found = coverage.administrators(world.organization, preferred=hub)
    assert found["guardduty.amazonaws.com"] == hub
    elsewhere = coverage.administrators(world.organization, preferred="")
    assert elsewhere["guardduty.amazonaws.com"] == "000000000001"


def test_the_regions_to_ask_about_are_those_of_any_active_account(world):
    regions = coverage.regions_in_use(world.organization)
    assert set(regions) >= {"eu-central-1", "eu-west-1", "eu-west-2", "us-east-1"}
    assert "af-south-1" not in regions
    Account.objects.update(state="SUSPENDED")
    assert coverage.regions_in_use(world.organization) == ()


def test_only_its_own_kind_of_problem_makes_a_run_not_configured(world, sent):
    DelegatedAdministrator.objects.filter(service_principal="macie.amazonaws.com").delete()
    world.faults.add(Rule("deny", service="guardduty"))
    run = collect(world, REGION)
    assert run.state == "PARTIAL"
    assert run.missing_permission == "guardduty:ListDetectors"
    assert "Amazon Macie" in run.error
    assert CollectionRun.objects.filter(pk=run.pk, counts__denied__gt=0).exists()
