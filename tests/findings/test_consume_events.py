"""From somebody's click in the AWS console to Postgres: the consumer of the event queue."""

import json
import os
import signal
import subprocess
import sys
from urllib.request import Request, urlopen

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from findings import tasks
from findings.management.commands import consume_events
from findings.models import (
    DirtyCell,
    Episode,
    Finding,
    FindingPayload,
    QuarantinedFinding,
    QueueFeed,
)
from findings.sources import event_queue
from inventory import aws
from sandbox.faults import Rule
from tests import factories
from tests.fixtures.hub import KEYS, NOW
from tests.fixtures.pipeline import ROOT, database_url, wait_for

NEW_FAILED = {"RecordState": "ACTIVE", "Workflow": "NEW", "Compliance": "FAILED"}


def consume():
    call_command("consume_events", "--once")


def failing(hub, count=1):
    return hub.findings(**NEW_FAILED)[:count]


def stored(row):
    return Finding.objects.get(finding_id=row["Id"])


def feed():
    return QueueFeed.objects.get()


def contents():
    return {
        model.__name__: sorted(map(repr, model.objects.values_list(*columns)))
        for model, columns in {
            Finding: ("finding_id", "status", "workflow", "updated_at", "opened_at", "due_at"),
            Episode: ("finding__finding_id", "opened_at", "closed_at", "close_reason"),
            FindingPayload: ("finding__finding_id", "payload"),
            QuarantinedFinding: ("source", "source_id", "reason", "payload"),
        }.items()
    }


def test_a_suppression_in_the_console_is_here_after_the_consumer_ran(hub, sent):
    [row] = failing(hub)
    hub.set([row], "NOTIFIED", note="seen")
    consume()
    assert (stored(row).workflow, stored(row).status) == ("NOTIFIED", "OPEN")
    hub.set([row], "SUPPRESSED", note="accepted until spring")
    consume()
    assert (stored(row).workflow, stored(row).status) == ("SUPPRESSED", "OPEN")
    assert stored(row).payload.payload["Note"]["Text"] == "accepted until spring"
    assert sent() == ["posture.roll_up", "posture.roll_up"]
    assert hub.waiting() == (0, 0)


def test_the_sandboxs_own_console_does_the_same(hub):
    [row] = failing(hub)
    body = json.dumps({"ids": [row["Id"], "none"], "status": "SUPPRESSED", "note": "why"})
    answer = post(hub, "workflow", body)
    assert answer == {"changed": 1, "missing": ["none"]}
    consume()
    assert stored(row).workflow == "SUPPRESSED"


def post(hub, path, body):
    request = Request(f"{hub.running.url}/_sandbox/{path}", body.encode(), method="POST")
    with urlopen(request) as answer:
        return json.load(answer)


def test_the_page_is_told_what_came(hub):
    hub.set(failing(hub, 3), "SUPPRESSED")
    hub.send("nonsense")
    consume()
    row = feed()
    assert row.state == "RUNNING"
    # Each change is announced by both APIs; the other one's events are skipped.
    assert row.counts["received"] == 7
    assert row.counts["skipped"] == 3
    assert (row.counts["new"], row.counts["quarantined"]) == (3, 1)
    assert row.last_message_at is not None
    # The sandbox stands on a day that is past.
    assert row.last_delay_seconds > 0


def test_counts_add_up_over_batches(hub):
    rows = failing(hub, 2)
    for row in rows:
        hub.set([row], "SUPPRESSED")
        consume()
    assert (feed().counts["new"], feed().counts["received"]) == (2, 4)


def test_the_same_events_again_change_nothing(hub, sent):
    hub.set(failing(hub, 5), "SUPPRESSED")
    bodies = [m.body for m in peek(hub)]
    hub.running.application.events.empty()
    hub.send(*bodies)
    consume()
    before = contents()
    DirtyCell.objects.all().delete()
    sent()
    hub.send(*bodies[::-1], *bodies)
    consume()
    assert contents() == before
    assert not DirtyCell.objects.exists()
    assert sent() == []


def test_events_out_of_order_end_in_the_newest_workflow(hub):
    [row] = failing(hub)
    hub.set([row], "SUPPRESSED")
    first = [m.body for m in peek(hub)]
    hub.running.application.events.empty()
    later = [
        {**json.loads(body), "time": "2026-11-01T13:00:00Z"} for body in first if "Workflow" in body
    ]
    for one in later:
        one["detail"]["findings"][0]["Workflow"] = {"Status": "NOTIFIED"}
    hub.send(*later)
    consume()
    hub.send(*first)
    consume()
    assert stored(row).workflow == "NOTIFIED"


def peek(hub):
    return event_queue.receive(
        tasks.event_client(hub.queue_url), queue_url=hub.queue_url, wait_seconds=0
    )


def test_nothing_is_deleted_before_it_is_stored(hub):
    """The worker falls between the upsert and the commit of its batch."""
    [row] = failing(hub)
    hub.set([row], "SUPPRESSED")
    refuse = (
        "CREATE FUNCTION fall() RETURNS trigger AS $$ BEGIN RAISE 'fallen'; END $$ LANGUAGE plpgsql"
    )
    trigger = "CREATE TRIGGER fall BEFORE INSERT ON findings_finding EXECUTE FUNCTION fall()"
    with connection.cursor() as cursor:
        cursor.execute(refuse)
        cursor.execute(trigger)
    with pytest.raises(Exception, match="fallen"):
        consume()
    assert hub.calls.get("sqs.DeleteMessageBatch", 0) == 0
    assert hub.waiting() == (0, 2)
    assert not Finding.objects.exists()


def test_what_could_not_be_deleted_comes_again_and_changes_nothing(hub, monkeypatch):
    monkeypatch.setattr(event_queue, "HOLD_SECONDS", 1)
    [row] = failing(hub)
    hub.set([row], "SUPPRESSED")
    hub.faults.add(Rule("error", operation="DeleteMessageBatch", times=10))
    with pytest.raises(CommandError):
        consume()
    assert stored(row).workflow == "SUPPRESSED"
    assert feed().state == "FAILED"
    hub.faults.clear()
    before = contents()
    wait_for(lambda: hub.waiting() == (2, 0))
    consume()
    assert contents() == before
    assert hub.waiting() == (0, 0)
    assert (feed().state, feed().error) == ("RUNNING", "")


def test_poison_goes_to_quarantine_with_its_text_and_leaves_the_queue(hub):
    [row] = failing(hub)
    hub.set([row], "SUPPRESSED")
    hub.send("<not json>", {"detail-type": "Something New", "detail": {}}, '{"a": "\\u0000"} 😀')
    consume()
    held = QuarantinedFinding.objects.order_by("pk")
    assert {(one.source, one.shape) for one in held} == {("QUEUE", "text")}
    assert {one.payload for one in held} >= {"<not json>"}
    assert held.count() == 3
    assert stored(row).workflow == "SUPPRESSED"
    assert hub.waiting() == (0, 0)


def test_a_finding_of_an_unknown_account_goes_to_quarantine_by_itself(hub):
    [row] = failing(hub)
    strange = {**row, "Id": "strange", "AwsAccountId": "999999999999"}
    hub.set([row], "SUPPRESSED")
    [envelope] = [json.loads(m.body) for m in peek(hub) if '"SchemaVersion"' in m.body]
    hub.send({**envelope, "detail": {"findings": [row, strange]}})
    consume()
    [held] = QuarantinedFinding.objects.all()
    assert held.source_id == "strange"
    assert Finding.objects.filter(finding_id=row["Id"]).exists()


PASSING = {
    "throttled": Rule("error", service="sqs", code="RequestThrottled", times=2),
    "a server error": Rule("error", service="sqs", times=2),
    "expired": Rule("expire", service="sqs", times=1),
    # Whoever cut the answer off has the messages in hand: they come again when he lets go.
    "reset": Rule("reset", service="sqs", times=1),
}


@pytest.mark.parametrize("name", PASSING)
def test_a_passing_fault_loses_nothing(hub, monkeypatch, name):
    monkeypatch.setattr(event_queue, "HOLD_SECONDS", 1)
    [row] = failing(hub)
    hub.set([row], "SUPPRESSED")
    hub.faults.add(PASSING[name])
    wait_for(lambda: consume() or Finding.objects.exists())
    assert hub.faults.report()[0]["hits"] >= 1
    assert stored(row).workflow == "SUPPRESSED"


def test_a_denial_is_on_the_page_with_its_permission_and_goes_when_it_is_mended(hub):
    hub.faults.add(Rule("deny", operation="ReceiveMessage"))
    with pytest.raises(CommandError, match="sqs:ReceiveMessage"):
        consume()
    assert (feed().state, feed().missing_permission) == ("DENIED", "sqs:ReceiveMessage")
    hub.faults.clear()
    consume()
    assert (feed().state, feed().missing_permission, feed().error) == ("RUNNING", "", "")


def test_the_task_takes_what_is_there_and_ends(hub, sent):
    rows = failing(hub, 30)
    hub.set(rows, "SUPPRESSED")
    assert tasks.consume_events() == 60
    assert Finding.objects.filter(workflow="SUPPRESSED").count() == 30
    assert sent() == ["posture.roll_up"]
    assert tasks.consume_events() == 0


def test_the_task_says_what_is_denied(hub):
    hub.faults.add(Rule("deny", operation="ReceiveMessage"))
    with pytest.raises(aws.Denied):
        tasks.consume_events()
    assert feed().state == "DENIED"


def test_without_a_queue_nobody_reads(hub, settings):
    settings.POSTURE_EVENT_QUEUE_URL = ""
    assert tasks.consume_events() is None
    with pytest.raises(CommandError, match="POSTURE_EVENT_QUEUE_URL is not set"):
        consume()


def test_an_installation_of_v2_takes_the_other_events(hub, settings):
    settings.POSTURE_SECURITY_HUB_API = "v2"
    [row] = failing(hub)
    hub.set([row], "SUPPRESSED")
    consume()
    assert stored(row).workflow == "SUPPRESSED"
    assert stored(row).payload.payload["status"] == "Suppressed"
    assert feed().counts["skipped"] == 1


def test_the_row_of_an_earlier_queue_goes(hub):
    QueueFeed.objects.create(
        organization=hub.organization, queue_url="http://old", heartbeat_at=NOW
    )
    consume()
    assert feed().queue_url == hub.queue_url


def test_time_that_passes_is_announced_too(hub):
    """What the organisation's own days change, and no caller."""
    world = hub.running.world
    row = next(n for n, r in enumerate(world.moment().findings.rows) if r.document["Id"])
    hub.running.application.events.announce(world.moment(), [row], is_past=True)
    consume()
    assert Finding.objects.count() == 1


def test_rollups_are_asked_for_at_most_once_in_five_seconds(sent):
    roll_ups, now = tasks.RollUps(), NOW
    for _ in range(3):
        roll_ups.ask(now=now)
    # The first at once, the second for what came meanwhile; a third would find nothing more.
    assert sent() == ["posture.roll_up"] * 2
    roll_ups.ask(now=now + tasks.ROLL_UP_EVERY / 2)
    assert sent() == []
    roll_ups.ask(now=now + tasks.ROLL_UP_EVERY * 3)
    assert sent() == ["posture.roll_up"]


def test_the_check_fails_when_nobody_has_read_for_long(hub):
    call_command("consume_events", "--check")
    consume()
    call_command("consume_events", "--check")
    silent = feed().heartbeat_at - consume_events.SILENT * 2
    QueueFeed.objects.update(heartbeat_at=silent)
    with pytest.raises(CommandError, match="Nobody has read the queue"):
        call_command("consume_events", "--check")


class Process:
    """`manage.py consume_events` as it runs beside web and worker."""

    def __init__(self, hub, *options):
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "posture.settings",
            "DATABASE_URL": database_url(),
            "POSTURE_HUB_ROLE_ARN": hub.running.hub_role_arn,
            "POSTURE_EXTERNAL_ID": KEYS.external_id,
            "POSTURE_HOME_REGION": hub.running.org.home_region,
            "POSTURE_AWS_RATE_PERCENT": "0",
            "POSTURE_EVENT_QUEUE_URL": hub.queue_url,
        }
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "consume_events", "--skip-checks", *options],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


@pytest.mark.django_db(transaction=True)
def test_a_running_consumer_shows_a_suppression_within_seconds_and_stops_at_once(hub):
    [row] = failing(hub)
    with Process(hub) as consumer:
        wait_for(lambda: QueueFeed.objects.filter(state="RUNNING").first(), seconds=60)
        wait_for(lambda: hub.calls.get("sqs.ReceiveMessage") or hub.waiting() == (0, 0))
        hub.set([row], "SUPPRESSED")
        found = Finding.objects.filter(finding_id=row["Id"], workflow="SUPPRESSED")
        wait_for(found.exists, seconds=30)
        wait_for(lambda: hub.waiting() == (0, 0), seconds=30)
        # It waits for messages now, for 20 seconds; nobody has to wait with it.
        consumer.process.send_signal(signal.SIGTERM)
        said, _ = consumer.process.communicate(timeout=15)
        assert consumer.process.returncode == 0, said
    assert feed().state == "STOPPED"


@pytest.mark.django_db(transaction=True)
def test_a_consumer_that_is_killed_in_mid_batch_loses_nothing(hub):
    rows = failing(hub, 4)
    hub.set(rows, "SUPPRESSED")
    # Somebody else holds a row that the batch needs, so that it stands still before its commit.
    held = factories.control(control_id="Held.1")
    assert held
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("LOCK TABLE findings_finding IN ACCESS EXCLUSIVE MODE")
        with Process(hub) as consumer:
            wait_for(lambda: hub.waiting()[1] == 8, seconds=60)
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"

            def stands_still():
                cursor.execute(waiting)
                return cursor.fetchone()[0]

            wait_for(stands_still, seconds=60)
            consumer.process.kill()
            consumer.process.wait()
        cursor.execute("ROLLBACK")
    assert not Finding.objects.filter(workflow="SUPPRESSED").exists()
    assert hub.waiting() == (0, 8)
    assert hub.calls.get("sqs.DeleteMessageBatch", 0) == 0
