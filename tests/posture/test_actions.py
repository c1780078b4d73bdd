"""What comes after what in a collection, and over which Regions it fans out."""

from datetime import timedelta

import pytest

from inventory import actions as run_actions
from inventory.models import AccountFact, Collection, CollectionRun
from posture import actions
from tests import factories
from tests.findings.records import NOW

HUB = "200000000009"
pytestmark = pytest.mark.django_db


@pytest.fixture
def collection(settings):
    settings.POSTURE_HUB_ROLE_ARN = f"arn:aws:iam::{HUB}:role/ParapetHubRead"
    account = factories.account(account_id=HUB)
    for region, status in (("eu-west-1", "ENABLED"), ("eu-south-2", "DISABLED")):
        AccountFact.objects.create(
            account=account, region=region, key="region.status", value=status, state="KNOWN"
        )
    AccountFact.objects.create(
        account=account,
        region="us-east-1",
        key="region.status",
        value="ENABLED_BY_DEFAULT",
        state="KNOWN",
    )
    started = run_actions.start_collection(as_of=NOW, is_full=True, requested_by="")
    run_actions.add_runs(
        started,
        [("ORGANIZATIONS", "", "")],
        organization=account.organization,
        now=NOW,
        full_since=NOW - timedelta(days=1),
    )
    return started


def end_all(collection, state="COMPLETE"):
    collection.runs.unfinished().update(state=state)


def scopes(moved):
    return {(run.source, run.region) for run in moved[1]}


def test_a_stage_waits_for_all_its_runs(collection):
    assert actions.advance(collection.pk, now=NOW) is None


def test_controls_and_regions_come_before_findings_and_the_rollup_after_all(collection):
    end_all(collection)
    first = actions.advance(collection.pk, now=NOW)
    assert scopes(first) == {("REGIONS", ""), ("CONTROLS", ""), ("ACCOUNT_FACTS", "")}
    end_all(collection, "DENIED")
    second = actions.advance(collection.pk, now=NOW)
    assert {source for source, _ in scopes(second)} == {
        "SECURITY_HUB",
        "ACCESS_ANALYZER",
        "SERVICE_COVERAGE",
    }
    end_all(collection)
    assert actions.advance(collection.pk, now=NOW) == (Collection.Stage.ROLLUP, [])
    assert actions.advance(collection.pk, now=NOW) is None


@pytest.mark.parametrize(
    ("mode", "hubs"),
    [
        ("ALL_REGIONS", {""}),
        ("SPECIFIED_REGIONS", {""}),
        ("NONE", {"eu-west-1", "us-east-1"}),
    ],
)
def test_security_hub_is_read_at_home_or_without_an_aggregator_in_each_region(
    collection, mode, hubs
):
    organization = factories.organization()
    organization.aggregation_mode = mode
    organization.save()
    end_all(collection)
    actions.advance(collection.pk, now=NOW)
    end_all(collection)
    found = scopes(actions.advance(collection.pk, now=NOW))
    assert {region for source, region in found if source == "SECURITY_HUB"} == hubs
    analyzers = {region for source, region in found if source == "ACCESS_ANALYZER"}
    assert analyzers == {"eu-west-1", "us-east-1"}


def test_each_active_account_whose_regions_are_not_known_is_asked_itself(collection):
    known = factories.account()
    AccountFact.objects.create(
        account=known,
        region="eu-west-1",
        key="region.status",
        value="ENABLED",
        state="KNOWN",
        as_of=NOW - timedelta(days=29),
    )
    old = factories.account()
    AccountFact.objects.create(
        account=old,
        region="eu-west-1",
        key="region.status",
        value="ENABLED",
        state="KNOWN",
        as_of=NOW - timedelta(days=31),
    )
    new = factories.account()
    factories.account(state="SUSPENDED")
    end_all(collection)
    _, runs = actions.advance(collection.pk, now=NOW)
    asked = {run.account_id for run in runs if run.source == "REGIONS"}
    assert asked == {"", old.account_id, new.account_id}


def test_two_callers_at_once_add_no_run_twice(collection):
    end_all(collection)
    actions.advance(collection.pk, now=NOW)
    before = CollectionRun.objects.count()
    assert actions.advance(collection.pk, now=NOW) is None
    assert CollectionRun.objects.count() == before


def test_a_full_sweep_is_due_when_the_last_complete_one_is_old(settings):
    settings.POSTURE_FULL_SWEEP_EVERY_HOURS = 24
    assert actions.needs_full_sweep(as_of=NOW)
    Collection.objects.create(as_of=NOW, state="COMPLETE", is_full=True)
    assert not actions.needs_full_sweep(as_of=NOW + timedelta(hours=23))
    assert actions.needs_full_sweep(as_of=NOW + timedelta(hours=25))


def test_a_failed_full_sweep_does_not_count():
    Collection.objects.create(as_of=NOW, state="FAILED", is_full=True)
    assert actions.needs_full_sweep(as_of=NOW)


def test_after_a_partial_sweep_only_what_was_not_read_in_full_is_read_in_full_again():
    partial = Collection.objects.create(as_of=NOW, state="PARTIAL", is_full=True)
    for region, state in (("eu-west-1", "COMPLETE"), ("us-east-1", "DENIED")):
        CollectionRun.objects.create(
            collection=partial, source="ACCESS_ANALYZER", region=region, state=state
        )
    later = NOW + timedelta(hours=1)
    assert not actions.needs_full_sweep(as_of=later)
    started = run_actions.start_collection(as_of=later, is_full=False, requested_by="")
    runs = run_actions.add_runs(
        started,
        [("ACCESS_ANALYZER", "", "eu-west-1"), ("ACCESS_ANALYZER", "", "us-east-1")],
        organization=None,
        now=later,
        full_since=actions.full_since(later),
    )
    assert {run.region: run.is_full for run in runs} == {"eu-west-1": False, "us-east-1": True}


def coverage_regions(*, as_of, requested_by=""):
    """Regions in which a collection that begins then asks which services are on."""
    Collection.objects.filter(state="RUNNING").update(state="COMPLETE")
    started = run_actions.start_collection(as_of=as_of, is_full=False, requested_by=requested_by)
    run_actions.add_runs(
        started,
        [("ORGANIZATIONS", "", "")],
        organization=factories.organization(),
        now=as_of,
        full_since=as_of,
    )
    for _ in range(2):
        end_all(started)
        moved = actions.advance(started.pk, now=as_of)
    return started, {region for source, region in scopes(moved) if source == "SERVICE_COVERAGE"}


def test_services_are_asked_in_every_region_that_an_account_may_use(collection):
    other = factories.account()
    AccountFact.objects.create(
        account=other, region="eu-south-2", key="region.status", value="ENABLED", state="KNOWN"
    )
    closed = factories.account(state="SUSPENDED")
    AccountFact.objects.create(
        account=closed, region="ap-east-1", key="region.status", value="ENABLED", state="KNOWN"
    )
    _, regions = coverage_regions(as_of=NOW)
    assert regions == {"", "eu-south-2", "eu-west-1", "us-east-1"}


def test_services_are_asked_again_when_their_answers_are_old_and_soon_after_a_failure(
    collection, settings
):
    settings.POSTURE_FACTS_EVERY_HOURS = 24
    first, regions = coverage_regions(as_of=NOW)
    assert regions == {"", "eu-west-1", "us-east-1"}
    runs = first.runs.filter(source="SERVICE_COVERAGE")
    runs.update(state="COMPLETE")
    runs.filter(region="us-east-1").update(state="PARTIAL")
    runs.filter(region="").update(state="NOT_CONFIGURED")
    minutes, hours = timedelta(minutes=1), timedelta(hours=1)
    assert coverage_regions(as_of=NOW + 30 * minutes)[1] == set()
    by_hand, asked = coverage_regions(as_of=NOW + 31 * minutes, requested_by="priya")
    assert asked == {"", "us-east-1"}
    by_hand.delete()
    again, asked = coverage_regions(as_of=NOW + 2 * hours)
    assert asked == {"us-east-1"}
    again.delete()
    assert coverage_regions(as_of=NOW + 25 * hours)[1] == {"", "eu-west-1", "us-east-1"}
