"""From the services' member lists to the coverage page, through a real worker."""

import pytest
from django.db.models import Sum
from django.urls import reverse

from inventory import actions
from inventory.models import (
    Account,
    AccountFact,
    Collection,
    CollectionRun,
    DelegatedAdministrator,
)
from inventory.queries import coverage
from posture import tasks
from posture.models import AccountCoverage
from sandbox.faults import Rule
from tests import factories
from tests.fixtures.pipeline import NOW, ended, wait_for

pytestmark = [pytest.mark.usefixtures("worker"), pytest.mark.xdist_group("worker")]


def inventory_of(sandbox):
    """The accounts with their Regions, and the delegations, as a collection leaves them."""
    snapshot = sandbox.world.moment().snapshot
    organization = factories.organization(
        management_account_id=sandbox.org.management_account_id,
        home_region=sandbox.org.home_region,
    )
    accounts = [
        factories.account(account_id=one.account_id, name=one.name, state=one.state)
        for one in snapshot.accounts
    ]
    AccountFact.objects.bulk_create(
        AccountFact(
            account=account,
            region=entry.region,
            key="region.status",
            value=entry.status,
            state="KNOWN",
        )
        for account in accounts
        for entry in snapshot.regions[account.account_id]
    )
    DelegatedAdministrator.objects.bulk_create(
        DelegatedAdministrator(
            organization=organization,
            account_id=one.account_id,
            service_principal=one.service_principal,
        )
        for one in snapshot.delegated_administrators
    )
    return organization


def ask(organization):
    """Ask every Region and Identity Center through the worker, and roll up."""
    collection = actions.start_collection(as_of=NOW, is_full=False, requested_by="test")
    Collection.objects.filter(pk=collection.pk).update(stage=Collection.Stage.FINDINGS)
    regions = ("", *coverage.regions_in_use(organization))
    runs = actions.add_runs(
        collection,
        [("SERVICE_COVERAGE", "", region) for region in regions],
        organization=organization,
        now=NOW,
        full_since=NOW,
    )
    tasks.enqueue(runs)
    wait_for(lambda: ended(collection.pk))
    return {run.region: run for run in CollectionRun.objects.filter(collection=collection)}


def test_member_lists_become_numbers_with_refusals_in_words(sandbox, client):
    sandbox.faults.add(Rule("deny", service="guardduty", region="us-east-1"))
    runs = ask(inventory_of(sandbox))
    assert runs["us-east-1"].state == "PARTIAL"
    assert runs["us-east-1"].missing_permission == "guardduty:ListDetectors"
    assert runs["eu-west-1"].state == runs[""].state == "COMPLETE"

    moment = sandbox.world.moment()
    hub = sandbox.org.security_account_id
    states = {name: moment.services(name) for name in sandbox.org.regions}
    asked = [n for n in states if n != "us-east-1" and moment.is_region_on(hub, n)]
    counted = AccountCoverage.objects.filter(service="guardduty").aggregate(
        on=Sum("on"), expected=Sum("expected"), denied=Sum("denied")
    )
    assert counted == {
        "on": sum(s.guardduty == "Enabled" for name in asked for s in states[name].values()),
        "expected": sum(len(found) for found in states.values()),
        "denied": len(states["us-east-1"]),
    }
    sets = AccountFact.objects.filter(key="identity_center.assigned_permission_sets")
    active = Account.objects.filter(state="ACTIVE", gone_at=None)
    assert sets.filter(state="KNOWN").count() == active.count()

    client.force_login(factories.security_engineer())
    page = client.get(reverse("posture:coverage"), {"service": "guardduty"})
    gaps = [
        gap.words
        for row in page.context["drilled"].rows
        for gap in row.gaps
        if gap.region == "us-east-1"
    ]
    assert set(gaps) == {"refused (guardduty:ListDetectors)"}
