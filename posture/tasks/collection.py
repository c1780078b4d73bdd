"""The collection as a whole, and the rollup after it. Beat and the sync page start it."""

from datetime import datetime, timedelta
from typing import Any

from celery import current_app, shared_task
from django.conf import settings
from django.utils import timezone

from invariants.tasks import (
    compare_drift,
    evaluate_invariants,
    find_who_changed,
    load_catalogues,
    tie_new,
)
from inventory import actions as run_actions
from inventory.models import Collection, CollectionRun
from posture import actions, rollups
from posture.actions import drift_news
from posture.rollups import changes, coverage, facts, reviews
from posture.tasks.kpis import kpis_after_rollup

ADVANCE = "posture.collect_advance"
TASKS = {
    CollectionRun.Source.ORGANIZATIONS: "inventory.collect_organization",
    CollectionRun.Source.REGIONS: "inventory.collect_regions",
    CollectionRun.Source.CONTROLS: "findings.collect_controls",
    CollectionRun.Source.SECURITY_HUB: "findings.collect_security_hub",
    CollectionRun.Source.ACCESS_ANALYZER: "findings.collect_access_analyzer",
    CollectionRun.Source.ACCOUNT_FACTS: "inventory.collect_account_facts",
    CollectionRun.Source.SERVICE_COVERAGE: "inventory.collect_service_coverage",
    CollectionRun.Source.EFFECTIVE_POLICIES: "invariants.collect_effective_policies",
}


@shared_task(name="posture.collect")
def collect(*, requested_by: str = "", is_full: bool | None = None, **_: Any) -> int | None:
    if actions.is_history_under_way():
        return None
    return begin(as_of=timezone.now(), requested_by=requested_by, is_full=is_full)


@shared_task(name=ADVANCE)
def collect_advance(
    *, run_id: int | None = None, collection_id: int | None = None, **_: Any
) -> None:
    if run_id is not None:
        collection_id = CollectionRun.objects.values_list("collection_id", flat=True).get(pk=run_id)
    moved = actions.advance(collection_id or 0, now=timezone.now())
    if moved is None:
        return
    stage, runs = moved
    if stage == Collection.Stage.ROLLUP:
        roll_up.delay(collection_id=collection_id)
    enqueue(runs)


@shared_task(name="posture.collect_rescue")
def collect_rescue(**_: Any) -> int:
    now = timezone.now()
    silent_for = timedelta(seconds=settings.POSTURE_RUN_SILENT_SECONDS)
    runs = run_actions.rescue(now=now, silent_for=silent_for)
    enqueue(runs)
    # A worker may have died between ending a run and going on, or during the rollup.
    for collection in Collection.objects.filter(state=Collection.State.RUNNING):
        if collection.stage == Collection.Stage.ROLLUP:
            # A second one beside the first would do its work twice: it is due once all has been silent.
            if not collection.runs.filter(heartbeat_at__gte=now - silent_for).exists():
                roll_up.delay(collection_id=collection.pk)
        else:
            collect_advance.delay(collection_id=collection.pk)
    return len(runs)


@shared_task(name="posture.roll_up")
def roll_up(*, collection_id: int | None = None, **_: Any) -> int | None:
    if collection_id is None:
        if actions.is_history_under_way():
            return None
        changed = rollups.roll_up(now=timezone.now())
        tie_new(timezone.now())
        return changed
    collection = Collection.objects.get(pk=collection_id)
    if collection.state != Collection.State.RUNNING:
        # Sent twice, and the other one has ended.
        return None
    now = rollups.moment_of(collection.as_of)
    try:
        load_catalogues(now=now)
        changed = rollups.roll_up(now=now)
        _write_what_hangs_on_scores(now)
        _write_drift(collection, now)
        return changed
    finally:
        # Also when it failed: the next rollup drains what this one left, and nothing stays blocked.
        actions.finish(collection, now=timezone.now())


def _write_drift(collection: Collection, now: datetime) -> None:
    """What drifts, whom it is told, and who did it; of a past that is replayed the last is asked at its end."""
    for organization_pk, result in compare_drift(collection, now=now).items():
        drift_news.announce(organization_pk, opened=result.opened, ended=result.ended, now=now)
    if not actions.is_replayed(collection.as_of):
        find_who_changed.delay()


def _write_what_hangs_on_scores(now: datetime) -> None:
    """Where services are on, what invariants hold, why scores moved, the KPIs, and the reviews of weeks
    that are over.

    Once a collection: an event in between moves a score at once, and these wait for the next one.
    """
    coverage.count_coverage(now=now, stale_before=now - facts.hold(now))
    evaluate_invariants(now)
    changes.write_changes(now.date(), now=now)
    kpis_after_rollup(now)
    reviews.freeze_due(now=now)


def begin(*, as_of: datetime, requested_by: str = "", is_full: bool | None = None) -> int | None:
    """Start a collection of the state at `as_of`; None when one is already going on."""
    if is_full is None:
        is_full = actions.needs_full_sweep(as_of=as_of)
    collection = run_actions.start_collection(
        as_of=as_of,
        is_full=is_full,
        requested_by=requested_by,
        facts_every=actions.facts_every(as_of),
    )
    if collection is None:
        return None
    runs = run_actions.add_runs(
        collection,
        [(CollectionRun.Source.ORGANIZATIONS, "", "")],
        organization=None,
        now=timezone.now(),
        full_since=actions.full_since(as_of),
    )
    enqueue(runs)
    return collection.pk


def enqueue(runs: list[CollectionRun]) -> None:
    for run in runs:
        task = TASKS[CollectionRun.Source(run.source)]
        current_app.send_task(task, kwargs={"run_id": run.pk, "then": ADVANCE})
