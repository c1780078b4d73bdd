"""A workflow that AWS has accepted from here, recorded before AWS's own listing shows it."""

from collections.abc import Collection
from datetime import datetime

from django.conf import settings
from django.db import transaction

from findings import clocks
from findings.ingest import store, timeline
from findings.models import Finding, Status, WorkflowChange


def set_workflow(
    finding_ids: Collection[int], *, workflow: str, note: str, by: str, at: datetime
) -> int:
    """Record that AWS accepted `workflow` and `note` at `at` for findings, by primary key.

    Returns how many changed. What was read before, or so soon after that AWS may not have shown it
    yet, does not undo it; an event of a later moment, or a later reading, does.
    """
    with transaction.atomic(), store.open_cursor() as cursor:
        # In the order of their keys, as every writer locks them.
        rows = Finding.objects.filter(pk__in=finding_ids).order_by("key")
        found = [row for row in rows.select_for_update(no_key=True) if _is_later(row, at)]
        changes, cells = [], set()
        for row in found:
            if row.workflow != workflow:
                changes.append(
                    WorkflowChange(
                        finding=row, at=at, before=row.workflow, after=workflow, note=note, by=by
                    )
                )
                cells.add((row.account_id, row.control_id))
            row.workflow, row.workflow_set_at = workflow, at
        Finding.objects.bulk_update(found, ["workflow", "workflow_set_at"], batch_size=500)
        WorkflowChange.objects.bulk_create(changes, batch_size=500)
        _follow(cursor, [change.finding for change in changes], at=at)
        store.mark_dirty(cursor, cells)
    return len(changes)


def _is_later(row: Finding, at: datetime) -> bool:
    return row.workflow_set_at is None or at >= row.workflow_set_at


def _follow(cursor: store.Cursor, changed: Collection[Finding], *, at: datetime) -> None:
    """Close and open what is open only by its workflow: findings without a compliance status."""
    rows = [
        row
        for row in changed
        if not row.compliance and row.record_state == "ACTIVE" and row.vanished_at is None
    ]
    moved = []
    episodes = store.episodes(cursor, [row.pk for row in rows]) if rows else {}
    for row in rows:
        is_open = row.workflow != "RESOLVED"
        if is_open == (row.status == Status.OPEN):
            continue
        said = timeline.State.OPEN if is_open else timeline.State.RESOLVED
        old = list(row.history or ())
        history = timeline.correct(old, to=said, at=at)
        replayed = timeline.replay(history, old=old, stored=episodes.get(row.pk, ()))
        row.status = Status.OPEN if is_open else Status.CLOSED
        row.opened_at = replayed[-1].opened_at if is_open else None
        row.due_at, row.sla_rule, row.history = None, "", timeline.trimmed(history)
        store.write_episodes(cursor, {row.pk: replayed}, episodes)
        moved.append(row)
    Finding.objects.bulk_update(
        moved, ["status", "opened_at", "due_at", "sla_rule", "history"], batch_size=500
    )
    rules = clocks.load(settings.POSTURE_CLOCKS_FILE)
    store.reclock(cursor, [row.pk for row in moved], rules=rules)
