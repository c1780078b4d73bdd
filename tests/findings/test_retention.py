"""What is old goes, in bounded batches, and nothing that people still read goes with it."""

from datetime import timedelta

import pytest
import time_machine
from celery import current_app
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from findings import ingest, tasks
from findings.ingest import retention
from findings.models import (
    BulkAction,
    BulkItem,
    DirtyCell,
    Episode,
    FileImport,
    Finding,
    FindingCount,
    FindingPayload,
    FindingText,
    FindingVulnerability,
    QuarantinedFinding,
    SeenFinding,
    UpkeepRun,
    WorkflowChange,
)
from inventory.models import Collection, CollectionRun
from posture import rollups
from posture.models import AccountDay, CellDay, OuDay
from posture.queries import scorecard
from tests import factories
from tests.factories import NOW
from tests.findings.records import record

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
TERMS = retention.Terms(payload_days=90, closed_days=400, run_days=30)
FOR_EVER = retention.Terms(payload_days=0, closed_days=0, run_days=0)


def retain(terms=TERMS, *, now=NOW, steps=10_000):
    """One round that has time for so many looks at the clock."""
    asked = UpkeepRun.objects.ask(UpkeepRun.Kind.RETENTION, now=now)
    run = UpkeepRun.objects.claim(asked.pk, now=now)
    looks = iter(range(steps))

    def clock():
        return now if next(looks, None) is not None else now + DAY

    return retention.work_off(run, terms, now=now, clock=clock, until=now + timedelta(hours=1))


def removed(counts):
    return {name: number for name, number in counts.items() if number}


@pytest.fixture
def account():
    return factories.account(ou=factories.ou())


@pytest.fixture
def control():
    return factories.control(control_id="S3.8", severity="HIGH")


@pytest.fixture
def closed(account, control):
    """Function: a finding that was closed so many days ago, with everything that hangs on it."""

    def closed(days, **changes):
        at = NOW - days * DAY
        values = {"status": "CLOSED", "record_state": "ARCHIVED", "updated_at": at} | changes
        found = factories.finding(account=account, control=control, **values)
        Episode.objects.create(
            finding=found, opened_at=at - DAY, closed_at=at, close_reason="ARCHIVED"
        )
        WorkflowChange.objects.create(finding=found, at=at, before="NEW", after="RESOLVED")
        FindingVulnerability.objects.create(finding=found, cve="CVE-2026-1")
        FindingText.objects.create(finding=found, words="bucket")
        return found

    return closed


def test_payloads_of_what_was_closed_long_ago_go_first(closed):
    old, young = closed(91), closed(89)
    assert removed(retain()) == {"payloads": 1}
    assert list(FindingPayload.objects.values_list("finding", flat=True)) == [young.pk]
    assert Finding.objects.filter(pk=old.pk).exists() and old.episodes.exists()


def test_closed_findings_go_with_everything_that_hangs_on_them_and_are_counted_anew(
    closed, account, control
):
    closed(401)
    kept = closed(399)
    assert removed(retain())["findings"] == 1
    assert list(Finding.objects.all()) == [kept]
    for model in (Episode, WorkflowChange, FindingVulnerability, FindingText):
        assert set(model.objects.values_list("finding", flat=True)) == {kept.pk}
    assert set(DirtyCell.objects.values_list("account", "control")) == {(account.pk, control.pk)}
    rollups.roll_up(now=NOW)
    assert sum(FindingCount.objects.values_list("findings", flat=True)) == 1


@pytest.mark.parametrize("status", ["OPEN", "PASSED", "UNKNOWN"])
def test_what_is_not_closed_stays_with_its_payload_however_old(account, control, status):
    found = factories.finding(
        account=account, control=control, status=status, updated_at=NOW - 3000 * DAY
    )
    assert removed(retain()) == {}
    assert FindingPayload.objects.get().finding == found


def test_a_finding_counts_as_closed_from_when_it_was_not_from_its_last_update(closed):
    """Vanished or closed lately, though its provider had nothing to say of it for years."""
    vanished = closed(3000, vanished_at=NOW - 5 * DAY)
    lately = closed(3000)
    Episode.objects.create(
        finding=lately, opened_at=NOW - 9 * DAY, closed_at=NOW - 8 * DAY, close_reason="RESOLVED"
    )
    counts = removed(retain())
    assert "findings" not in counts and "payloads" not in counts
    assert Finding.objects.filter(pk__in=[vanished.pk, lately.pk]).count() == 2


def test_old_episodes_and_changes_of_a_living_finding_go_and_the_open_one_stays(account, control):
    found = factories.finding(account=account, control=control, opened_at=NOW - 900 * DAY)
    for days in (1000, 500, 300):
        at = NOW - days * DAY
        Episode.objects.create(
            finding=found, opened_at=at - 5 * DAY, closed_at=at, close_reason="PASSED"
        )
        WorkflowChange.objects.create(finding=found, at=at, before="NEW", after="NOTIFIED")
    assert removed(retain()) == {"episodes": 2, "changes of workflow": 2}
    assert sorted(Episode.objects.values_list("opened_at", flat=True)) == [
        NOW - 900 * DAY,
        NOW - 305 * DAY,
    ]


def test_an_episode_that_may_still_be_resumed_is_kept_however_short_the_term(closed):
    closed(10)
    assert removed(retain(retention.Terms(payload_days=0, closed_days=1, run_days=0))) == {}
    assert Episode.objects.count() == 1


def test_nothing_goes_where_everything_is_kept_for_ever(closed):
    closed(5000)
    factories.quarantined(first_seen_at=NOW - 5000 * DAY)
    assert retain(FOR_EVER) == {}
    assert Finding.objects.count() == 1 and FindingPayload.objects.count() == 1


def test_a_finding_that_comes_back_after_it_was_removed_is_new(account):
    factories.control(control_id="S3.8")
    was = record(account_id=account.account_id, record_state="ARCHIVED", updated_at=NOW - 500 * DAY)
    again = record(
        account_id=account.account_id,
        finding_id=was.finding_id,
        updated_at=NOW - timedelta(hours=1),
    )
    catalog = ingest.load_catalog(account.organization)
    ingest.upsert_findings([was], catalog=catalog, as_of=NOW - 500 * DAY)
    assert removed(retain())["findings"] == 1
    counts = ingest.upsert_findings([again], catalog=catalog, as_of=NOW)
    assert (counts.new, counts.opened) == (1, 1)


def test_batches_are_bounded_and_the_next_round_goes_on_where_this_one_stopped(closed, monkeypatch):
    monkeypatch.setattr(retention, "LIMIT", 2)
    for days in range(401, 408):
        closed(days)
    first = retain(steps=9)
    run = UpkeepRun.objects.order_by("-pk").first()
    assert run.state == UpkeepRun.State.PARTIAL
    assert run.counts == first and run.position["step"]
    assert 0 < Finding.objects.count() + FindingPayload.objects.count() < 14
    for _ in range(9):
        retain(steps=9)
    assert not Finding.objects.exists() and not Episode.objects.exists()
    assert retain() == dict.fromkeys([step.name for step in retention.steps(TERMS)], 0)
    assert UpkeepRun.objects.order_by("-pk").first().state == UpkeepRun.State.COMPLETE


def test_a_step_that_takes_all_the_time_does_not_starve_the_others(closed, monkeypatch):
    monkeypatch.setattr(retention, "LIMIT", 1)
    for days in range(101, 107):
        closed(days)
    factories.quarantined(first_seen_at=NOW - 91 * DAY)
    for _ in range(20):
        retain(steps=4)
    assert not QuarantinedFinding.objects.exists() and not FindingPayload.objects.exists()


def test_a_batch_costs_the_same_number_of_statements_for_one_row_and_for_many(closed):
    closed(500)
    with CaptureQueriesContext(connection) as one:
        retain()
    for days in range(500, 530):
        closed(days)
    with CaptureQueriesContext(connection) as many:
        retain()
    assert len(many) == len(one)


def test_a_finding_that_another_worker_works_on_is_passed_over(closed):
    """The claim is in the statement: rows that are locked are skipped, and none is waited for."""
    assert "FOR UPDATE OF f SKIP LOCKED" in retention._OLD
    closed(500)
    assert removed(retain())["findings"] == 1


def test_held_findings_go_when_they_were_not_seen_for_long():
    old = factories.quarantined(first_seen_at=NOW - 91 * DAY)
    seen = factories.quarantined(first_seen_at=NOW - 91 * DAY, last_seen_at=NOW - DAY)
    assert removed(retain()) == {"held findings": 1}
    assert not QuarantinedFinding.objects.filter(pk=old.pk).exists()
    assert QuarantinedFinding.objects.get() == seen


def imported(days, **changes):
    values = {"finished_at": NOW - days * DAY, "state": "COMPLETE"} | changes
    return FileImport.objects.create(
        organization=factories.organization(),
        name="f.json",
        size=1,
        created_at=NOW - days * DAY,
        **values,
    )


def test_ended_imports_go_and_those_under_way_stay():
    imported(31)
    kept = {imported(29), imported(99, state="RUNNING", finished_at=None)}
    assert removed(retain()) == {"imports": 1}
    assert set(FileImport.objects.all()) == kept


def acted(finding, days, **changes):
    values = {"finished_at": NOW - days * DAY, "state": "COMPLETE", "workflow": "NOTIFIED"}
    action = BulkAction.objects.create(
        organization=factories.organization(),
        requested_by=factories.security_engineer(),
        created_at=NOW - days * DAY,
        **(values | changes),
    )
    BulkItem.objects.create(action=action, finding=finding, before="NEW", after="NOTIFIED")
    return action


def test_a_bulk_action_goes_with_its_items_and_stays_for_an_undo_that_is_not_old(account, control):
    found = factories.finding(account=account, control=control)
    gone = acted(found, 60)
    acted(found, 40, undoes=gone)
    undone = acted(found, 60)
    undo = acted(found, 2, undoes=undone)
    running = acted(found, 60, state="RUNNING", finished_at=None)
    assert removed(retain()) == {"bulk items": 2, "bulk actions": 2}
    assert set(BulkAction.objects.all()) == {undone, undo, running}
    assert BulkItem.objects.count() == 3


def collected(days, **changes):
    at = NOW - days * DAY
    return factories.collection(
        **({"as_of": at, "started_at": at, "finished_at": at, "is_full": False} | changes)
    )


def ran(collection, **changes):
    at = collection.finished_at or collection.as_of
    return factories.run(
        collection=collection, **({"heartbeat_at": at, "is_full": False} | changes)
    )


@pytest.fixture
def newest():
    """Collections enough to fill the sync page."""

    def newest():
        return [ran(collected(1)) for _ in range(20)]

    return newest


def test_old_runs_go_and_of_each_scope_stays_what_is_still_needed(newest):
    full = ran(collected(99, is_full=True), is_full=True, watermark=NOW - 99 * DAY)
    marked = ran(collected(98), watermark=NOW - 98 * DAY)
    ran(collected(97), state="FAILED")
    ran(collected(96), watermark=None)
    silent = ran(collected(95), source="ACCESS_ANALYZER", region="eu-west-1", state="DENIED")
    latest = newest()
    assert removed(retain()) == {"runs": 2, "collections": 2}
    assert set(CollectionRun.objects.all()) == {full, marked, silent, *latest}
    assert Collection.objects.count() == 23
    assert removed(retain()) == {}


def test_the_next_incremental_run_still_knows_from_where_to_read_on(newest):
    marked = ran(collected(98), watermark=NOW - 98 * DAY)
    newest()
    retain()
    following = ran(collected(0, state="RUNNING", finished_at=None), state="PENDING")
    assert tasks._since(following) == marked.watermark - tasks.OVERLAP


def test_a_running_collection_keeps_its_runs_however_long_it_takes(newest):
    running = collected(99, state="RUNNING", finished_at=None)
    ran(running, state="RUNNING")
    ran(running, source="CONTROLS")
    newest()
    assert removed(retain()) == {}


def test_young_collections_stay_whole(newest):
    for _ in range(25):
        collection = collected(29)
        ran(collection)
        ran(collection, source="CONTROLS")
    assert removed(retain()) == {}


def test_what_a_sweep_noted_goes_when_it_has_ended(account, control, newest):
    found = factories.finding(account=account, control=control)
    for run in [ran(collected(99), state="FAILED"), *newest()]:
        SeenFinding.objects.create(run=run, finding=found)
    counts = removed(retain())
    assert counts == {"notes of sweeps": 1, "runs": 1, "collections": 1}
    assert SeenFinding.objects.count() == 20


def test_old_rounds_go_but_not_the_newest_of_a_kind():
    for days in (60, 50, 40):
        at = NOW - days * DAY
        for kind in UpkeepRun.Kind:
            UpkeepRun.objects.create(
                kind=kind, state="COMPLETE", created_at=at, heartbeat_at=at, finished_at=at
            )
    assert removed(retain()) == {"rounds of upkeep": 5}
    kinds = UpkeepRun.objects.values_list("kind", flat=True)
    assert sorted(kinds) == ["RETENTION", "RETRY_QUARANTINE"]


def scores():
    """Everything that pages show of past days, and where it came from."""
    return [list(model.objects.order_by("pk").values()) for model in (CellDay, AccountDay, OuDay)]


def test_past_days_and_scorecards_do_not_change_when_everything_old_is_removed(account):
    factories.control(control_id="S3.8", severity="HIGH")
    catalog = ingest.load_catalog(account.organization)
    ids = [f"finding-{number}" for number in range(6)]
    long_ago = NOW - 500 * DAY
    for day, archived in enumerate([0, 2, 4, 6]):
        at = long_ago + day * DAY
        batch = [
            record(
                account_id=account.account_id,
                finding_id=finding_id,
                resource_id=f"arn:aws:s3:::{finding_id}",
                compliance="FAILED" if number % 2 else "PASSED",
                record_state="ARCHIVED" if number < archived else "ACTIVE",
                updated_at=at,
            )
            for number, finding_id in enumerate(ids)
        ]
        ingest.upsert_findings(batch, catalog=catalog, as_of=at)
        rollups.roll_up(now=at)
    before = scores()
    assert [len(rows) > 0 for rows in before] == [True, True, True]
    user = factories.security_engineer()
    card = scorecard.scorecard(user, account.ou.ou_id, day=long_ago.date())
    assert removed(retain())["findings"] == 6
    assert not Finding.objects.exists() and not Episode.objects.exists()
    rollups.roll_up(now=long_ago + 3 * DAY)
    assert scores() == before
    assert scorecard.scorecard(user, account.ou.ou_id, day=long_ago.date()) == card
    assert not FindingCount.objects.exists()


def test_the_task_keeps_to_the_settings_and_writes_down_what_it_did(closed, settings):
    settings.POSTURE_KEEP_PAYLOAD_DAYS = 0
    settings.POSTURE_KEEP_CLOSED_DAYS = 20
    settings.POSTURE_KEEP_RUN_DAYS = 0
    closed(21)
    closed(19)
    with time_machine.travel(NOW, tick=False):
        counts = tasks.retain()
    assert removed(counts) == {"findings": 1}
    run = UpkeepRun.objects.get()
    assert (run.state, run.counts["findings"], run.requested_by) == ("COMPLETE", 1, "")


def test_a_second_worker_leaves_the_round_to_the_first_until_that_one_is_lost(closed):
    closed(500)
    first = UpkeepRun.objects.ask(UpkeepRun.Kind.RETENTION, now=NOW)
    UpkeepRun.objects.claim(first.pk, now=NOW)
    with time_machine.travel(NOW + timedelta(minutes=5), tick=False):
        assert tasks.retain() is None
    with time_machine.travel(NOW + timedelta(minutes=45), tick=False):
        assert removed(tasks.retain())["findings"] == 1
    first.refresh_from_db()
    assert first.state == "FAILED" and "worker was lost" in first.error


def test_a_round_that_fails_says_so_and_keeps_what_it_had_done(closed, monkeypatch):
    closed(500)

    def fail(before, position):
        raise RuntimeError("disk full")

    monkeypatch.setattr(retention, "_episodes", fail)
    with pytest.raises(RuntimeError):
        retain()
    run = UpkeepRun.objects.get()
    assert (run.state, run.counts["findings"]) == ("FAILED", 1)
    assert "RuntimeError" in run.error
    assert not Finding.objects.exists()


def test_the_sync_page_says_what_the_last_round_removed(client, closed, monkeypatch):
    client.force_login(factories.security_engineer())
    assert "Retention" not in client.get("/sync/").content.decode()
    for days in (500, 600):
        closed(days)
    monkeypatch.setattr(retention, "LIMIT", 1)
    retain()
    assert "Removed 2 findings, 2 payloads." in client.get("/sync/").content.decode()
    retain()
    assert "Nothing was old enough to go." in client.get("/sync/").content.decode()
    closed(700)
    retain(steps=2)
    assert "the next round goes on from there" in client.get("/sync/").content.decode()
    client.force_login(factories.team_member(team=factories.team()))
    assert "Retention" not in client.get("/sync/").content.decode()


def test_every_task_that_beat_sends_exists():
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        assert entry["task"] in current_app.tasks, entry
