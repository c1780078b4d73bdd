"""Two workers that take in the same findings at once neither block each other nor double anything."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from findings import ingest
from findings.models import Episode, Finding, FindingCount, FindingPayload
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
