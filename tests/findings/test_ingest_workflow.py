"""The workflow of a finding: whose word counts, and what is kept of the change."""

from dataclasses import replace
from datetime import timedelta

import pytest

from findings import ingest
from findings.models import DirtyCell, Episode, Finding, WorkflowChange
from tests import factories
from tests.findings.records import NOW, record

MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def catalog():
    factories.account(account_id="200000000001")
    return ingest.load_catalog(factories.organization())


def take(one, catalog, *, at=NOW, is_event=False):
    return ingest.upsert_findings([one], catalog=catalog, as_of=at, is_event=is_event)


def decided(one, workflow, **changes):
    """The same finding with another workflow: that does not move UpdatedAt."""
    return replace(one, workflow=workflow, content_hash=workflow.encode().ljust(16), **changes)


def set_workflow(workflow, *, at=NOW, note=""):
    numbers = list(Finding.objects.values_list("pk", flat=True))
    return ingest.set_workflow(numbers, workflow=workflow, note=note, by="robin", at=at)


def changes():
    rows = WorkflowChange.objects.order_by("pk")
    return list(rows.values_list("before", "after", "note", "by", "at"))


def workflow():
    return Finding.objects.get().workflow


def test_a_change_in_aws_is_kept_with_its_note_and_nobody_of_ours(catalog):
    one = record()
    take(one, catalog)
    assert changes() == []
    later = NOW + 20 * MINUTE
    take(decided(one, "SUPPRESSED", note="Accepted until June"), catalog, at=later)
    assert changes() == [("NEW", "SUPPRESSED", "Accepted until June", "", later)]


def test_a_change_that_came_with_an_update_is_as_old_as_the_update(catalog):
    one = record()
    take(one, catalog)
    passed = record(
        finding_id=one.finding_id,
        compliance="PASSED",
        workflow="RESOLVED",
        updated_at=one.updated_at + MINUTE,
    )
    take(passed, catalog, at=NOW + 20 * MINUTE)
    assert changes() == [("NEW", "RESOLVED", "", "", one.updated_at + MINUTE)]


def test_a_suppression_stays_through_pass_and_fail_until_aws_says_otherwise(catalog):
    one = decided(record(), "SUPPRESSED")
    take(one, catalog)
    for number, compliance in enumerate(["PASSED", "FAILED"], start=1):
        at = one.updated_at + number * MINUTE
        again = replace(
            one, compliance=compliance, updated_at=at, content_hash=bytes([number] * 16)
        )
        take(again, catalog)
        assert workflow() == "SUPPRESSED"
    assert changes() == []


def test_what_aws_accepted_from_here_is_recorded_at_once(catalog):
    take(record(), catalog)
    DirtyCell.objects.all().delete()
    assert set_workflow("SUPPRESSED", note="Known") == 1
    assert workflow() == "SUPPRESSED"
    assert changes() == [("NEW", "SUPPRESSED", "Known", "robin", NOW)]
    assert DirtyCell.objects.exists()
    assert set_workflow("SUPPRESSED", at=NOW + MINUTE) == 0
    assert len(changes()) == 1


def test_a_reading_that_lags_behind_does_not_undo_what_aws_accepted(catalog):
    one = record()
    take(one, catalog, at=NOW - 30 * MINUTE)
    set_workflow("SUPPRESSED", at=NOW)
    for at in (NOW - 10 * MINUTE, NOW + 5 * MINUTE):
        assert take(one, catalog, at=at).changed == 0
        checked = replace(one, updated_at=one.updated_at + MINUTE)
        take(checked, catalog, at=at)
        assert workflow() == "SUPPRESSED"
    assert len(changes()) == 1


def test_an_older_copy_that_comes_late_does_not_undo_it_either(catalog):
    one = record()
    take(one, catalog)
    set_workflow("SUPPRESSED")
    old = replace(one, updated_at=one.updated_at - MINUTE)
    take(old, catalog, at=NOW + 60 * MINUTE)
    take(old, catalog, at=NOW + 60 * MINUTE, is_event=True)
    assert workflow() == "SUPPRESSED"


def test_a_later_reading_says_otherwise(catalog):
    one = record()
    take(one, catalog, at=NOW - 30 * MINUTE)
    set_workflow("SUPPRESSED", at=NOW)
    assert take(one, catalog, at=NOW + 15 * MINUTE).changed == 1
    assert workflow() == "NEW"


def test_an_event_says_otherwise_at_once_and_one_from_before_does_not(catalog):
    one = record()
    take(one, catalog, at=NOW - 30 * MINUTE)
    set_workflow("SUPPRESSED", at=NOW)
    notified = decided(one, "NOTIFIED")
    take(notified, catalog, at=NOW - MINUTE, is_event=True)
    assert workflow() == "SUPPRESSED"
    take(notified, catalog, at=NOW + MINUTE, is_event=True)
    assert workflow() == "NOTIFIED"


def test_a_reading_that_lags_behind_does_not_undo_an_event(catalog):
    one = record()
    take(one, catalog, at=NOW - 30 * MINUTE)
    take(decided(one, "SUPPRESSED"), catalog, at=NOW, is_event=True)
    take(one, catalog, at=NOW + 5 * MINUTE)
    assert workflow() == "SUPPRESSED"
    take(one, catalog, at=NOW + 15 * MINUTE + MINUTE)
    assert workflow() == "NEW"


def test_events_in_any_order_end_with_the_latest(catalog):
    one = record()
    take(one, catalog, at=NOW - 30 * MINUTE)
    take(decided(one, "RESOLVED"), catalog, at=NOW + 2 * MINUTE, is_event=True)
    take(decided(one, "NOTIFIED"), catalog, at=NOW + MINUTE, is_event=True)
    assert workflow() == "RESOLVED"


def test_resolving_a_threat_closes_it_and_reopening_resumes_it(catalog):
    take(record(compliance="", control_id="GuardDuty.Finding", product="guardduty"), catalog)
    opened_at = Finding.objects.get().opened_at
    set_workflow("RESOLVED", at=NOW)
    found, episode = Finding.objects.get(), Episode.objects.get()
    assert (found.status, found.opened_at, found.due_at) == ("CLOSED", None, None)
    assert (episode.closed_at, episode.close_reason) == (NOW, "RESOLVED")
    set_workflow("NEW", at=NOW + MINUTE)
    found, episode = Finding.objects.get(), Episode.objects.get()
    assert (found.status, found.opened_at) == ("OPEN", opened_at)
    assert found.due_at == opened_at + timedelta(days=30)
    assert (episode.closed_at, episode.resumed) == (None, 1)


def test_resolving_a_threat_in_aws_closes_it_when_that_is_read(catalog):
    one = record(compliance="", control_id="GuardDuty.Finding", product="guardduty")
    take(one, catalog)
    later = NOW + 20 * MINUTE
    take(decided(one, "RESOLVED"), catalog, at=later)
    assert Finding.objects.get().status == "CLOSED"
    assert Episode.objects.get().closed_at == later


def test_resolving_a_failing_check_leaves_it_open(catalog):
    take(record(), catalog)
    set_workflow("RESOLVED")
    assert (workflow(), Finding.objects.get().status) == ("RESOLVED", "OPEN")


def test_an_older_write_that_is_recorded_late_changes_nothing(catalog):
    take(record(), catalog)
    set_workflow("SUPPRESSED", at=NOW)
    assert set_workflow("NOTIFIED", at=NOW - MINUTE) == 0
    assert workflow() == "SUPPRESSED"
