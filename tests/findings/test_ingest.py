"""The upsert of findings: states, clocks, episodes, dirty cells."""

from dataclasses import replace
from datetime import timedelta

import pytest

from findings import ingest
from findings.models import DirtyCell, Episode, Finding, QuarantinedFinding
from findings.normalise.records import Page, Rejected
from inventory.models import Collection, CollectionRun
from tests import factories
from tests.findings.records import NOW, record

DAY = timedelta(days=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return factories.account(account_id="200000000001")


@pytest.fixture
def catalog(account):
    return ingest.load_catalog(account.organization)


def take(records, catalog, *, as_of=NOW, run_id=None):
    return ingest.upsert_findings(records, catalog=catalog, as_of=as_of, run_id=run_id)


def rehashed(old, **changes):
    """The same finding with other content."""
    return record(finding_id=old.finding_id, resource_id=old.resource_id, **changes)


def state():
    """Everything that ingest writes, by AWS's keys."""
    columns = ("finding_id", "status", "workflow", "opened_at", "due_at", "updated_at", "title")
    return (
        sorted(Finding.objects.values_list(*columns)),
        sorted(
            Episode.objects.values_list(
                "finding__finding_id", "opened_at", "closed_at", "close_reason"
            ),
            key=repr,
        ),
    )


def test_a_failed_finding_opens_an_episode_with_a_due_date(catalog):
    one = record(severity="HIGH")
    counts = take([one], catalog)
    found = Finding.objects.get()
    assert (counts.new, counts.opened) == (1, 1)
    assert found.status == "OPEN"
    assert found.opened_at == one.updated_at
    assert found.due_at == one.updated_at + 30 * DAY
    assert found.payload.payload == dict(one.payload)
    assert DirtyCell.objects.count() == 1


def test_a_public_resource_has_less_time(catalog):
    take([record(severity="CRITICAL", is_public=True)], catalog)
    found = Finding.objects.get()
    assert found.due_at - found.opened_at == 3 * DAY


def test_taking_the_same_findings_in_again_changes_nothing(catalog):
    batch = [record(), record(compliance="PASSED")]
    take(batch, catalog)
    before = state()
    DirtyCell.objects.all().delete()
    counts = take(batch, catalog, as_of=NOW + DAY)
    assert (counts.new, counts.changed, counts.unchanged) == (0, 0, 2)
    assert state() == before
    assert not DirtyCell.objects.exists()


def test_a_pass_closes_the_episode_and_a_fail_within_14_days_resumes_its_clock(catalog):
    one = record()
    take([one], catalog)
    passed = rehashed(one, compliance="PASSED", updated_at=NOW + 2 * DAY)
    take([passed], catalog, as_of=NOW + 2 * DAY)
    episode = Episode.objects.get()
    assert (episode.closed_at, episode.close_reason) == (NOW + 2 * DAY, "PASSED")
    assert Finding.objects.get().opened_at is None
    take([rehashed(one, updated_at=NOW + 10 * DAY)], catalog, as_of=NOW + 10 * DAY)
    episode.refresh_from_db()
    assert (episode.closed_at, episode.resumed) == (None, 1)
    assert Finding.objects.get().opened_at == one.updated_at


def test_a_fail_after_14_days_is_a_new_episode(catalog):
    one = record()
    take([one], catalog)
    passed = rehashed(one, compliance="PASSED", updated_at=NOW + DAY)
    take([passed], catalog, as_of=NOW + DAY)
    again = NOW + 20 * DAY
    take([rehashed(one, updated_at=again)], catalog, as_of=again)
    assert Episode.objects.count() == 2
    assert Finding.objects.get().opened_at == again


def test_an_older_copy_changes_nothing(catalog):
    one = record()
    take([one], catalog)
    before = state()
    old = rehashed(one, compliance="PASSED", updated_at=one.updated_at - DAY)
    assert take([old], catalog).older == 1
    assert state() == before


def test_a_suppression_that_keeps_the_time_of_update_is_taken_in_and_stays_open(catalog):
    one = record()
    take([one], catalog)
    later = NOW + timedelta(minutes=15)
    take([replace(one, workflow="SUPPRESSED", content_hash=b"x" * 16)], catalog, as_of=later)
    found = Finding.objects.get()
    assert (found.workflow, found.status) == ("SUPPRESSED", "OPEN")


@pytest.mark.parametrize("lost", ["WARNING", "NOT_AVAILABLE"])
def test_losing_sight_of_a_failure_does_not_close_it(catalog, lost):
    one = record()
    take([one], catalog)
    take([rehashed(one, compliance=lost, updated_at=NOW)], catalog)
    assert Finding.objects.get().status == "OPEN"
    assert Episode.objects.get().closed_at is None


def test_an_archived_failure_is_closed_unless_its_control_was_switched_off(account):
    on = factories.control(control_id="S3.8")
    off = factories.control(control_id="KMS.4", status="DISABLED")
    catalog = ingest.load_catalog(account.organization)
    both = [record(control_id=on.control_id), record(control_id=off.control_id)]
    take(both, catalog)
    archived = [
        rehashed(one, control_id=one.control_id, record_state="ARCHIVED", updated_at=NOW)
        for one in both
    ]
    take(archived, catalog)
    states = dict(Finding.objects.values_list("control__control_id", "status"))
    assert states == {"S3.8": "CLOSED", "KMS.4": "OPEN"}
    assert Episode.objects.get(closed_at__isnull=False).close_reason == "ARCHIVED"


def test_a_finding_of_an_unknown_account_is_handed_back_with_the_reason(catalog):
    counts = take([record(account_id="999999999999"), record()], catalog)
    assert Finding.objects.count() == 1
    assert "999999999999 is not in the inventory" in counts.rejected[0].reason


def test_an_unlisted_control_is_added_with_its_area(catalog):
    take([record(control_id="S3.999", title="Something new")], catalog)
    control = Finding.objects.get().control
    assert (control.title, control.area) == ("Something new", "DATA_PROTECTION")


def full_run(organization):
    collection = Collection.objects.create(as_of=NOW, state="COMPLETE")
    return CollectionRun.objects.create(
        collection=collection, organization=organization, source="SECURITY_HUB"
    )


def test_a_full_sweep_marks_what_it_did_not_meet_but_carries_a_failing_check(account, catalog):
    kept, lost, passed = record(), record(), record(compliance="PASSED")
    threat = record(
        compliance="",
        control_id="GuardDuty.Finding",
        product="guardduty",
        product_arn="arn:aws:securityhub:eu-west-1::product/aws/guardduty",
    )
    take([kept, lost, passed, threat], catalog)
    run = full_run(account.organization)
    take([kept], catalog, run_id=run.pk)
    later = NOW + DAY
    assert ingest.sweep_vanished(run, as_of=later) == 3
    rows = {f.finding_id: (f.status, f.vanished_at) for f in Finding.objects.all()}
    assert rows[kept.finding_id] == ("OPEN", None)
    assert rows[lost.finding_id] == ("OPEN", later)
    assert rows[passed.finding_id] == ("CLOSED", later)
    assert rows[threat.finding_id] == ("CLOSED", later)
    assert Episode.objects.get(closed_at__isnull=False).close_reason == "VANISHED"


def test_a_failing_check_of_an_account_that_left_is_not_carried(account, catalog):
    take([record()], catalog)
    account.gone_at = NOW
    account.save()
    ingest.sweep_vanished(full_run(account.organization), as_of=NOW)
    assert Finding.objects.get().status == "CLOSED"


def test_a_sweep_spares_the_products_of_which_it_could_say_nothing(account, catalog):
    one = record(compliance="PASSED")
    take([one], catalog)
    run = full_run(account.organization)
    assert ingest.sweep_vanished(run, as_of=NOW, spared=[one.product_arn]) == 0


@pytest.mark.parametrize("has_arn", [True, False])
def test_a_finding_that_cannot_be_read_any_more_has_not_vanished(account, catalog, has_arn):
    one = record(compliance="PASSED")
    take([one], catalog)
    run = full_run(account.organization)
    payload = {"Id": one.finding_id} | ({"ProductArn": one.product_arn} if has_arn else {})
    broken = Rejected(one.finding_id, "CreatedAt: is missing.", payload)
    page = Page(findings=(), rejected=(broken,), watermark=None)
    tally = ingest.take_in([page], run=run, catalog=catalog, beat=lambda counts: None)
    assert tally.counts["quarantined"] == 1
    assert ingest.sweep_vanished(run, as_of=NOW) == 0
    assert Finding.objects.get().status == "PASSED"
    assert QuarantinedFinding.objects.get().reason == "CreatedAt: is missing."


def test_a_vanished_finding_that_returns_is_no_longer_vanished(account, catalog):
    one = record(compliance="PASSED")
    take([one], catalog)
    ingest.sweep_vanished(full_run(account.organization), as_of=NOW)
    take([one], catalog)
    found = Finding.objects.get()
    assert (found.status, found.vanished_at) == ("PASSED", None)


def test_a_sweep_refuses_a_run_that_read_only_changes(account):
    run = full_run(account.organization)
    run.is_full = False
    with pytest.raises(ValueError, match="not a full sweep"):
        ingest.sweep_vanished(run, as_of=NOW)


def test_quarantine_keeps_a_finding_once_and_lets_it_go_when_it_was_taken_in(account, catalog):
    counts = take([record(account_id="999999999999", finding_id="strange")], catalog)
    for _ in range(2):
        ingest.quarantine(account.organization, counts.rejected, source="SECURITY_HUB", as_of=NOW)
    assert QuarantinedFinding.objects.count() == 1
    assert ingest.release(catalog, ["strange"]) == 1
