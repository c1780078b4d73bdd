"""What is old goes, so that the tables grow with what there is and not with time.

Only closed findings age: what is open, passed or unknown is the present. The history of scores
(CellDay, AccountDay, OuDay) is written when a day ends and reads none of this, so it stays as it is.
A finding that comes back after it was removed is simply new.

Each step removes at most LIMIT rows a transaction, walks along a key, and stops when the time is
over; the next run goes on from there. Removing twice, or after a crash, removes nothing else.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from findings.ingest.timeline import RESUME_WITHIN
from findings.models import (
    BulkAction,
    DirtyCell,
    FileImport,
    Finding,
    QuarantinedFinding,
    UpkeepRun,
)
from inventory.models import Collection, CollectionRun

logger = logging.getLogger(__name__)

LIMIT: Final = 5000
# An episode that may still be resumed is not old, however short the term is.
LEAST_CLOSED: Final = RESUME_WITHIN + timedelta(days=1)
# A sweep's own notes are of no use once it has ended.
SEEN_FOR: Final = timedelta(days=1)

# Where a step goes on: the key of the last row that it looked at, as JSON has it; None: from the start.
Position: TypeAlias = list[Any] | None
Clock: TypeAlias = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Terms:
    """For how many days things are kept; 0 is for ever.

    `payload_days` and `closed_days` count from when a finding was closed, `run_days` from when a
    collection, an import or a bulk action ended.
    """

    payload_days: int
    closed_days: int
    run_days: int


@dataclass(frozen=True, slots=True)
class Batch:
    removed: int
    position: Position


@dataclass(frozen=True, slots=True)
class Step:
    """One kind of row: `name` is what people read, `remove` takes (removed before, position)."""

    name: str
    days: int
    remove: Callable[[datetime, Position], Batch]
    least: timedelta = timedelta(0)

    def cutoff(self, now: datetime) -> datetime:
        return now - max(timedelta(days=self.days), self.least)


def steps(terms: Terms) -> tuple[Step, ...]:
    """The steps that have a term, in their order."""
    every = (
        Step("payloads", terms.payload_days, _payloads),
        Step("findings", terms.closed_days, _findings, LEAST_CLOSED),
        Step("episodes", terms.closed_days, _episodes, LEAST_CLOSED),
        Step("changes of workflow", terms.closed_days, _workflow_changes, LEAST_CLOSED),
        Step("held findings", terms.payload_days, _quarantined),
        Step("notes of sweeps", terms.run_days, _seen, SEEN_FOR),
        Step("bulk items", terms.run_days, _bulk_items),
        Step("bulk actions", terms.run_days, _bulk_actions),
        Step("imports", terms.run_days, _imports),
        Step("runs", terms.run_days, _runs),
        Step("collections", terms.run_days, _collections),
        Step("rounds of upkeep", terms.run_days, _upkeep),
    )
    return tuple(step for step in every if step.days)


def work_off(
    run: UpkeepRun, terms: Terms, *, now: datetime, clock: Clock, until: datetime
) -> dict[str, int]:
    """Remove what is old as of `now` until the time is over; returns how many rows of what.

    :param run: claimed; it is ended here, COMPLETE or PARTIAL, or FAILED by what goes wrong.
    """
    counts: dict[str, int] = {}
    try:
        position = _remove(run, steps(terms), counts, now=now, clock=clock, until=until)
    except Exception as error:
        run.end(
            UpkeepRun.State.FAILED,
            now=clock(),
            counts=counts,
            error=f"Stopped by {type(error).__name__}: the worker's log has the details.",
        )
        raise
    state = UpkeepRun.State.PARTIAL if position else UpkeepRun.State.COMPLETE
    run.end(state, now=clock(), counts=counts, position=position)
    logger.info("Retention removed %s (%s)", {k: n for k, n in counts.items() if n}, state)
    return counts


def _remove(
    run: UpkeepRun,
    todo: tuple[Step, ...],
    counts: dict[str, int],
    *,
    now: datetime,
    clock: Clock,
    until: datetime,
) -> dict[str, Any]:
    """Go through the steps from where the last run stopped; returns where this one did, {}: nowhere."""
    left = _last_position(run)
    for step in _from(todo, left.get("step", "")):
        position: Position = left.get("at") if step.name == left.get("step") else None
        while True:
            if clock() >= until:
                return {"step": step.name, "at": position}
            with transaction.atomic():
                batch = step.remove(step.cutoff(now), position)
            counts[step.name] = counts.get(step.name, 0) + batch.removed
            run.beat(counts, now=clock())
            position = batch.position
            if position is None:
                break
    return {}


def _last_position(run: UpkeepRun) -> Mapping[str, Any]:
    before = UpkeepRun.objects.of(UpkeepRun.Kind.RETENTION).filter(pk__lt=run.pk)
    found = before.order_by("-pk").values_list("position", flat=True).first()
    return found if isinstance(found, dict) else {}


def _from(todo: tuple[Step, ...], name: str) -> Iterable[Step]:
    """The steps, beginning with the one that was not finished: none of them waits for ever."""
    names = [step.name for step in todo]
    start = names.index(name) if name in names else 0
    return [*todo[start:], *todo[:start]]


# Closed for so long. Being closed has no column of its own: it is the newest of the provider's own
# time, the sweep that missed it, and the end of its last episode. SKIP LOCKED: what ingest works on
# is not old, and neither waits for the other; the lock looks at the row again, so that a finding
# which was opened in the meantime is left alone.
_OLD = """
    SELECT f.id, f.updated_at, f.account_id, f.control_id FROM findings_finding f
    WHERE f.status = 'CLOSED' AND f.updated_at < %(cutoff)s
        AND (%(at)s::timestamptz IS NULL OR (f.updated_at, f.id) > (%(at)s, %(id)s))
        AND (f.vanished_at IS NULL OR f.vanished_at < %(cutoff)s)
        AND NOT EXISTS (SELECT 1 FROM findings_episode e
            WHERE e.finding_id = f.id AND e.closed_at >= %(cutoff)s)
        {more}
    ORDER BY f.updated_at, f.id LIMIT %(limit)s FOR UPDATE OF f SKIP LOCKED
"""
_PAYLOADS = f"""
WITH old AS ({
    _OLD.format(
        more="AND EXISTS (SELECT 1 FROM findings_findingpayload p WHERE p.finding_id = f.id)"
    )
}), gone AS (
    DELETE FROM findings_findingpayload p USING old WHERE p.finding_id = old.id RETURNING 1)
SELECT (SELECT count(*) FROM gone), updated_at, id FROM old ORDER BY updated_at DESC, id DESC LIMIT 1
"""


def _payloads(before: datetime, position: Position) -> Batch:
    with connection.cursor() as cursor:
        cursor.execute(_PAYLOADS, _values(before, position))
        removed, updated_at, pk = cursor.fetchone() or (0, None, None)
    return Batch(removed, [updated_at.isoformat(), pk] if updated_at else None)


def _findings(before: datetime, position: Position) -> Batch:
    """Closed findings with everything that hangs on them; their cells are counted anew."""
    with connection.cursor() as cursor:
        cursor.execute(_OLD.format(more=""), _values(before, position))
        rows = cursor.fetchall()
    if not rows:
        return Batch(0, None)
    cells = sorted({(account, control) for _, _, account, control in rows})
    DirtyCell.objects.bulk_create(
        DirtyCell(account_id=account, control_id=control) for account, control in cells
    )
    # The models know what hangs on a finding, those of the floors above as well.
    Finding.objects.filter(pk__in=[pk for pk, *_ in rows]).delete()
    return Batch(len(rows), [rows[-1][1].isoformat(), rows[-1][0]])


def _values(before: datetime, position: Position) -> dict[str, Any]:
    at, pk = position or (None, None)
    return {"cutoff": before, "at": at, "id": pk, "limit": LIMIT}


# Rows of one table in the order of their id.
_WALK = """
WITH gone AS (
    DELETE FROM {table} WHERE id IN (
        SELECT t.id FROM {table} t {join}
        WHERE t.id > %(after)s AND {condition} ORDER BY t.id LIMIT %(limit)s)
    RETURNING id)
SELECT count(*), max(id) FROM gone
"""
_ENDED_ACTION = """(a.finished_at < %(cutoff)s AND NOT EXISTS (
    SELECT 1 FROM findings_bulkaction u
    WHERE u.undoes_id = a.id AND (u.finished_at IS NULL OR u.finished_at >= %(cutoff)s)))"""


def _walk(
    table: str, condition: str, *, before: datetime, position: Position, join: str = ""
) -> Batch:
    """Remove the next rows of a table; the names are constants of this module, the values bound."""
    values = {"cutoff": before, "after": position[0] if position else 0, "limit": LIMIT}
    with connection.cursor() as cursor:
        cursor.execute(_WALK.format(table=table, condition=condition, join=join), values)
        removed, last = cursor.fetchone()
    return Batch(removed, [last] if removed == LIMIT else None)


def _episodes(before: datetime, position: Position) -> Batch:
    return _walk("findings_episode", "t.closed_at < %(cutoff)s", before=before, position=position)


def _workflow_changes(before: datetime, position: Position) -> Batch:
    return _walk("findings_workflowchange", "t.at < %(cutoff)s", before=before, position=position)


def _seen(before: datetime, position: Position) -> Batch:
    return _walk(
        "findings_seenfinding",
        "r.state NOT IN ('PENDING', 'RUNNING') AND r.heartbeat_at < %(cutoff)s",
        before=before,
        position=position,
        join="JOIN inventory_collectionrun r ON r.id = t.run_id",
    )


def _bulk_items(before: datetime, position: Position) -> Batch:
    return _walk(
        "findings_bulkitem",
        _ENDED_ACTION,
        before=before,
        position=position,
        join="JOIN findings_bulkaction a ON a.id = t.action_id",
    )


def _bulk_actions(before: datetime, _: Position) -> Batch:
    """An action goes together with its undo, or stays for it."""
    fresh = Q(finished_at=None) | Q(finished_at__gte=before)
    undoing = BulkAction.objects.exclude(undoes=None).filter(fresh)
    ended = BulkAction.objects.filter(finished_at__lt=before, items=None)
    return _removed(ended.exclude(pk__in=undoing.values("undoes")))


def _imports(before: datetime, _: Position) -> Batch:
    return _removed(FileImport.objects.filter(finished_at__lt=before))


def _quarantined(before: datetime, _: Position) -> Batch:
    seen = QuarantinedFinding.objects.annotate(seen_at=Coalesce("last_seen_at", "first_seen_at"))
    return _removed(seen.filter(seen_at__lt=before))


def _runs(before: datetime, _: Position) -> Batch:
    return _removed(CollectionRun.objects.outdated(before))


def _collections(before: datetime, _: Position) -> Batch:
    return _removed(Collection.objects.outdated(before))


def _upkeep(before: datetime, _: Position) -> Batch:
    """The newest of each kind stays: pages show it, and it knows where to go on."""
    newest = UpkeepRun.objects.order_by("kind", "-pk").distinct("kind").values("pk")
    return _removed(UpkeepRun.objects.filter(finished_at__lt=before).exclude(pk__in=newest))


def _removed(old: "QuerySet[Any]") -> Batch:
    """Remove the first LIMIT of the rows (and what hangs on them); there may be more of them."""
    ids = list(old.order_by("pk").values_list("pk", flat=True)[:LIMIT])
    old.model._default_manager.filter(pk__in=ids).delete()
    return Batch(len(ids), [] if len(ids) == LIMIT else None)
