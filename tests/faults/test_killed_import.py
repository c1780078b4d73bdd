"""A worker that is killed in the middle of a file costs nothing but time."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from findings import tasks
from findings.actions import imports
from findings.models import DirtyCell, FileImport, Finding
from posture.models import RollupState
from tests import factories
from tests.fixtures.findings import ACCOUNT, asff
from tests.fixtures.pipeline import wait_for

pytestmark = pytest.mark.xdist_group("worker")
FINDINGS = 3000


def test_the_file_of_a_killed_worker_is_read_again_to_its_end(worker, settings):
    settings.POSTURE_UPLOAD_DIR = str(worker.uploads)
    factories.account(account_id=ACCOUNT)
    worker.uploads.mkdir(exist_ok=True)
    (worker.uploads / "stored").write_text(
        "\n".join(json.dumps(asff(Id=f"finding {number}")) for number in range(FINDINGS))
    )
    row = imports.begin(
        factories.organization(),
        imports.GivenFile("findings.ndjson", row_size(worker), stored_as="stored"),
        by="priya",
        now=timezone.now(),
    )
    tasks.import_file.delay(import_id=row.pk)
    wait_for(lambda: Finding.objects.exists())
    worker.kill()
    assert 0 < Finding.objects.count() < FINDINGS
    row.refresh_from_db()
    assert row.state == "RUNNING"

    worker.start()
    # What beat does each minute, as if the worker had been silent for long enough.
    FileImport.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))
    tasks.rescue_imports.delay()
    wait_for(lambda: FileImport.objects.exclude(state__in=["PENDING", "RUNNING"]).exists())
    row.refresh_from_db()
    assert (row.state, row.error) == ("COMPLETE", "")
    assert row.counts["new"] + row.counts["unchanged"] == FINDINGS
    assert row.counts["unchanged"] > 0
    assert Finding.objects.count() == FINDINGS
    assert not (worker.uploads / "stored").exists()
    # The rollup after it ends as well, before the tables are emptied.
    wait_for(lambda: RollupState.objects.exists() and not DirtyCell.objects.exists())


def row_size(worker):
    return (worker.uploads / "stored").stat().st_size
