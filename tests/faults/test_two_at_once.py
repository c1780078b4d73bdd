"""Two workers that take in the same findings at once neither block each other nor double anything."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection

from findings import ingest
from findings.models import Episode, Finding, FindingCount, FindingPayload
from inventory.models import Collection, CollectionRun
from posture import rollups
from posture.models import Cell
from tests import factories
from tests.findings.records import NOW, record

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 6


def at_once(*works):
    """Run each in a thread with a connection of its own, started together; raise what any raised."""
    gate = threading.Barrier(len(works))
    failures = []

    def run(work):
        try:
            gate.wait()
            work()
        except Exception as error:  # noqa: BLE001 - handed to the test below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert failures == []


@pytest.fixture
def catalog():
    factories.account(account_id="200000000001")
    factories.control(control_id="S3.8", severity="HIGH")
    return ingest.load_catalog(factories.organization())


def test_the_same_findings_in_opposite_orders(catalog):
    batch = [record() for _ in range(200)]
    newer = [
        record(
            finding_id=one.finding_id,
            resource_id=one.resource_id,
            compliance="PASSED",
            updated_at=NOW + timedelta(hours=1),
        )
        for one in batch
    ]

    def forwards():
        for _ in range(ROUNDS):
            ingest.upsert_findings(batch, catalog=catalog, as_of=NOW)
            ingest.upsert_findings(newer, catalog=catalog, as_of=NOW + timedelta(hours=1))

    def backwards():
        for _ in range(ROUNDS):
            ingest.upsert_findings(newer[::-1], catalog=catalog, as_of=NOW + timedelta(hours=1))
            ingest.upsert_findings(batch[::-1], catalog=catalog, as_of=NOW)

    at_once(forwards, backwards)
    assert Finding.objects.count() == FindingPayload.objects.count() == len(batch)
    assert set(Finding.objects.values_list("status", flat=True)) == {"PASSED"}
    assert not Episode.objects.filter(closed_at=None).exists()


def test_new_findings_in_opposite_orders_each_with_a_late_copy(catalog):
    rounds = [[record() for _ in range(60)] for _ in range(ROUNDS)]
    older = [
        [
            record(
                finding_id=one.finding_id,
                resource_id=one.resource_id,
                compliance="PASSED",
                updated_at=one.updated_at - timedelta(days=1),
            )
            for one in batch
        ]
        for batch in rounds
    ]

    def worker(*, step):
        def work():
            for batch, late in zip(rounds, older, strict=True):
                both = [*batch, *late][::step]
                ingest.upsert_findings(both, catalog=catalog, as_of=NOW)

        return work

    at_once(worker(step=1), worker(step=-1))
    assert Finding.objects.count() == FindingPayload.objects.count() == 60 * ROUNDS
    opened = set(Finding.objects.values_list("status", "last_passed_at"))
    assert opened == {("OPEN", NOW - timedelta(days=1, hours=1))}
    assert Episode.objects.count() == 60 * ROUNDS


def test_sweeps_and_write_backs_beside_ingest_wait_for_nobody_in_a_circle(catalog):
    batch = [record(compliance="") for _ in range(200)]
    ingest.upsert_findings(batch, catalog=catalog, as_of=NOW)
    numbers = list(Finding.objects.order_by("-pk").values_list("pk", flat=True))
    runs = [
        CollectionRun.objects.create(
            collection=Collection.objects.create(as_of=NOW, state="COMPLETE"),
            organization=factories.organization(),
            source="SECURITY_HUB",
        )
        for _ in range(ROUNDS)
    ]

    def take():
        for number in range(ROUNDS):
            at = NOW + timedelta(hours=number)
            again = [replace(one, updated_at=at) for one in batch[::-1]]
            ingest.upsert_findings(again, catalog=catalog, as_of=at)

    def sweep():
        for run in runs:
            ingest.sweep_vanished(run, as_of=NOW)

    def write_back():
        for number in range(ROUNDS):
            workflow = ("SUPPRESSED", "RESOLVED")[number % 2]
            at = NOW + timedelta(days=1, hours=number)
            ingest.set_workflow(numbers, workflow=workflow, note="", by="robin", at=at)

    at_once(take, sweep, write_back)
    assert set(Finding.objects.values_list("workflow", flat=True)) == {"RESOLVED"}
    assert not Finding.objects.filter(status="OPEN").exists()
    assert not Episode.objects.filter(closed_at=None).exists()


def test_rollups_beside_each_other_and_beside_ingest_lose_no_change(catalog):
    batches = [[record() for _ in range(50)] for _ in range(ROUNDS)]

    def take():
        for batch in batches:
            ingest.upsert_findings(batch, catalog=catalog, as_of=NOW)

    def roll():
        for _ in range(ROUNDS):
            rollups.roll_up(now=NOW)

    at_once(take, roll, roll)
    rollups.roll_up(now=NOW)
    assert Cell.objects.get().failed == 50 * ROUNDS
    assert sum(FindingCount.objects.values_list("findings", flat=True)) == 50 * ROUNDS
