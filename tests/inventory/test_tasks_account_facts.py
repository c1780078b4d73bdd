"""The task that asks accounts for their settings, against the sandbox AWS."""

import pytest

from inventory import actions, tasks
from inventory.facts import Fact
from inventory.models import AccountFact, CollectionRun
from sandbox.faults import Rule
from tests.fixtures.hub import NOW


@pytest.fixture
def collect(hub, settings, monkeypatch, sent):
    """Run the task for an account ("" is the organisation), and return the run as it ended."""
    snapshot = hub.running.world.moment().snapshot
    hub.organization.management_account_id = snapshot.org.management_account_id
    hub.organization.save()
    collection = actions.start_collection(as_of=NOW, is_full=True, requested_by="")

    def run(account_id):
        CollectionRun.objects.filter(collection=collection).delete()
        (made,) = actions.add_runs(
            collection,
            [("ACCOUNT_FACTS", account_id, "")],
            organization=hub.organization,
            now=NOW,
            full_since=NOW,
        )
        tasks.collect_account_facts(run_id=made.pk, then="posture.collect_advance")
        made.refresh_from_db()
        return made

    return run


@pytest.fixture
def account_id(hub):
    org = hub.running.org
    known = (org.management_account_id, org.security_account_id)
    moment = hub.running.world.moment()
    return next(
        a.account_id
        for a in moment.snapshot.accounts
        # A report that is ready at once.
        if a.state == "ACTIVE"
        and a.account_id not in known
        and moment.plans[a.account_id].seed % 12
    )


def facts(account_id, region=""):
    rows = AccountFact.objects.filter(account__account_id=account_id, region=region)
    return {row.key: row for row in rows}


def test_an_account_is_asked_and_its_facts_are_stored(hub, collect, account_id, sent):
    run = collect(account_id)
    assert (run.state, run.error) == ("COMPLETE", "")
    found = facts(account_id)
    assert found[Fact.ROOT_MFA].state == "KNOWN"
    assert found[Fact.ROOT_MFA].as_of == NOW
    # Of a new account the Regions were asked first.
    enabled = AccountFact.objects.filter(
        account__account_id=account_id, key="region.status", value__startswith="ENABLED"
    )
    for region in enabled.values_list("region", flat=True):
        assert facts(account_id, region)[Fact.EBS_ENCRYPTION].state == "KNOWN"
    assert run.counts["known"] == AccountFact.objects.exclude(key="region.status").count()
    assert sent() == ["posture.collect_advance"]


def test_a_refused_call_leaves_the_run_partial_with_the_permission(hub, collect, account_id):
    hub.faults.add(Rule("deny", service="iam", operation="GetAccountSummary"))
    run = collect(account_id)
    assert (run.state, run.missing_permission) == ("PARTIAL", "iam:GetAccountSummary")
    found = facts(account_id)
    assert found[Fact.ROOT_MFA].state == "DENIED"
    assert found[Fact.ROOT_MFA].missing_permission == "iam:GetAccountSummary"
    assert found[Fact.IAM_PASSWORDS].state == "KNOWN"


def test_without_its_role_an_account_is_denied_as_a_whole(hub, collect, account_id):
    hub.faults.add(Rule("deny", service="sts", operation="AssumeRole", account=account_id))
    run = collect(account_id)
    assert (run.state, run.missing_permission) == ("DENIED", "sts:AssumeRole")
    found = facts(account_id)
    assert found[Fact.S3_BLOCK_PUBLIC_ACCESS].missing_permission == "sts:AssumeRole"
    # The hub may ask for them without the role.
    assert found[Fact.CONTACT_BILLING].state == "KNOWN"


def test_the_management_account_is_asked_for_its_contacts_by_itself(hub, collect):
    run = collect(hub.organization.management_account_id)
    assert run.state == "COMPLETE"
    found = facts(hub.organization.management_account_id)
    assert found[Fact.CONTACT_SECURITY].state == "KNOWN"


def test_the_organisation_is_asked_by_the_management_account_where_iam_is_not_delegated(
    hub, collect
):
    run = collect("")
    assert (run.state, run.error) == ("COMPLETE", "")
    found = facts(hub.organization.management_account_id)
    assert {key: row.value for key, row in found.items()} == {
        Fact.ROOT_CENTRAL: True,
        Fact.ROOT_SESSIONS: True,
        Fact.ORGANIZATION_TRAIL: True,
    }
    assert hub.calls["iam.ListOrganizationsFeatures"] == 2


def test_the_organisation_that_nobody_may_ask_is_a_gap_with_its_permission(hub, collect):
    hub.faults.add(Rule("deny", service="iam", operation="ListOrganizationsFeatures"))
    run = collect("")
    assert (run.state, run.missing_permission) == ("PARTIAL", "iam:ListOrganizationsFeatures")
    found = facts(hub.organization.management_account_id)
    assert found[Fact.ROOT_CENTRAL].state == "DENIED"
    assert found[Fact.ORGANIZATION_TRAIL].value is True
