"""From a denied request in AWS to the tables: by the queue that findings come by, and beside them."""

import pytest
from django.core.management import call_command

from findings.ingest import event_routes
from findings.models import QuarantinedFinding, QueueFeed
from findings.sources import event_queue
from invariants.ingest import trail
from invariants.models import Denial, OrgChangeEvent, TakenEvent, TrailFeed
from tests.fixtures.hub import NOW
from tests.invariants import counted, trails


def consume():
    call_command("consume_events", "--once")


def records(count=1, **changes):
    return [trails.record(at=NOW, **changes) for _ in range(count)]


def test_denied_requests_come_by_the_queue_and_are_deleted_when_they_are_stored(hub, sent):
    hub.send(*(trails.event(record) for record in records(3)))
    hub.send(trails.event(trails.change() | {"eventTime": NOW.isoformat()}))
    consume()
    assert Denial.objects.get().days.get().count == 3
    assert OrgChangeEvent.objects.get().source == "QUEUE"
    assert hub.waiting() == (0, 0)
    feed = QueueFeed.objects.get()
    assert (feed.counts["received"], feed.counts["calls"], feed.counts["denials"]) == (4, 4, 3)
    assert TrailFeed.objects.get().kind == "QUEUE"
    assert sent() == ["posture.roll_up"]


def test_the_same_events_by_queue_and_file_count_once(hub, sent):
    given = records(2)
    hub.send(*(trails.event(record) for record in given))
    hub.send(trails.event(given[0], number=9))
    consume()
    sent()
    assert counted.taken(*given, now=NOW).counts["twice"] == 2
    hub.send(trails.event(given[1]))
    consume()
    assert Denial.objects.get().days.get().count == 2
    assert sent() == []


def test_findings_and_calls_in_one_batch_are_both_taken_in(hub, sent):
    hub.set(hub.findings(RecordState="ACTIVE", Workflow="NEW", Compliance="FAILED")[:1], "NOTIFIED")
    hub.send(trails.event(records()[0]))
    consume()
    counts = QueueFeed.objects.get().counts
    assert (counts["new"], counts["denials"]) == (1, 1)


def test_poison_goes_to_quarantine_and_stops_no_other(hub):
    bad = trails.event(trails.record(at=NOW, eventID="?"))
    hub.send(bad, trails.event(records()[0]), trails.event(records()[0]) | {"detail": "text"})
    consume()
    assert Denial.objects.count() == 1
    reasons = sorted(QuarantinedFinding.objects.values_list("reason", flat=True))
    assert "eventID is no GUID" in reasons[1]
    assert reasons[0].startswith("detail: is no JSON object")
    assert hub.waiting() == (0, 0)


def test_what_could_not_be_stored_stays_in_the_queue_and_counts_once_later(hub, monkeypatch):
    hub.send(trails.event(records()[0]))

    def fail(*_, **__):
        raise RuntimeError("Postgres is away")

    with monkeypatch.context() as broken:
        broken.setattr(trail, "take", fail)
        with pytest.raises(RuntimeError):
            consume()
    assert TakenEvent.objects.count() == 0
    assert sum(hub.waiting()) == 1


def test_a_kind_that_nobody_takes_is_unknown_as_before(settings):
    settings.POSTURE_EVENT_TAKERS = {}
    body = event_queue.Message("m", "r", '{"detail-type": "AWS API Call via CloudTrail"}', NOW)
    batch = event_queue.read([body], api="v1", routed=event_routes.kinds())
    assert "is not known" in batch.rejected[0].reason
    assert batch.routed == {}
