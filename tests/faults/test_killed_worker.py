"""A worker that is killed in the middle of a collection costs nothing but time."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from findings.models import Finding
from inventory.models import Collection, CollectionRun
from posture import tasks
from sandbox.faults import Rule
from tests.fixtures import reviews
from tests.fixtures.pipeline import NOW, collect, ended, wait_for
from tests.fixtures.tables import contents

pytestmark = pytest.mark.xdist_group("worker")
SLOW = Rule("slow", service="securityhub", operation="GetFindings", seconds=0.4)


def is_half_read():
    """Whether some batches of findings are in and others are not."""
    return Finding.objects.filter(product="securityhub").count() >= 500


def test_after_a_kill_in_mid_collection_the_tables_end_as_if_nothing_had_happened(worker, sandbox):
    collect()
    undisturbed = contents()
    reviews.empty_kept()
    call_command("flush", interactive=False, verbosity=0)

    sandbox.faults.add(SLOW)
    started = tasks.begin(as_of=NOW, requested_by="test", is_full=True)
    wait_for(is_half_read)
    worker.kill()
    run = CollectionRun.objects.get(source="SECURITY_HUB")
    assert run.state == "RUNNING"
    assert contents() != undisturbed
    sandbox.faults.clear()

    worker.start()
    # What beat does each minute, as if the worker had been silent for long enough.
    silent = timezone.now() - timedelta(hours=1)
    CollectionRun.objects.unfinished().update(heartbeat_at=silent)
    tasks.collect_rescue.delay()
    collection = wait_for(lambda: ended(started))

    assert collection.state == "COMPLETE"
    run.refresh_from_db()
    assert run.attempt == 2
    assert contents() == undisturbed


def test_a_collection_whose_worker_died_between_two_stages_goes_on(worker, sandbox):
    started = Collection.objects.create(as_of=NOW, is_full=True)
    CollectionRun.objects.create(collection=started, source="ORGANIZATIONS", state="PENDING")
    tasks.enqueue(list(started.runs.all()))
    wait_for(lambda: ended(started.pk))
    # The same again, stopped where the inventory has ended and nobody has moved it on.
    Collection.objects.filter(pk=started.pk).update(state="RUNNING", stage="INVENTORY")
    tasks.collect_rescue.delay()
    assert wait_for(lambda: ended(started.pk)).state == "COMPLETE"
