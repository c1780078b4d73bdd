"""The life of a collection and of its runs.

A run is claimed by compare-and-set and ends only in the hands of the attempt that claimed it, so a
task that is delivered twice, or that comes back from the dead, changes nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from inventory.aws import Denied, NotConfigured, SourceError
from inventory.models import Collection, CollectionRun, Organization

State = CollectionRun.State
Clock = Callable[[], datetime]
# So many problems of one run are written down; the others are of the same kind, or wait their turn.
PROBLEMS_KEPT = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did. `problems` did not stop it, but it cannot be COMPLETE with them."""

    counts: Mapping[str, int] = field(default_factory=dict)
    watermark: datetime | None = None
    problems: tuple[SourceError, ...] = ()


@dataclass(frozen=True, slots=True)
class Pulse:
    """Tells the world that a run is alive and how far it is; writes once a second at most."""

    run: CollectionRun
    clock: Clock
    last: list[datetime] = field(default_factory=list)

    def beat(self, counts: Mapping[str, int]) -> None:
        now = self.clock()
        if self.last and now - self.last[-1] < timedelta(seconds=1):
            return
        self.last[:] = [now]
        mine = CollectionRun.objects.filter(pk=self.run.pk, attempt=self.run.attempt)
        mine.update(heartbeat_at=now, counts=dict(counts))


def hub_account_id() -> str:
    """The account of the hub role, "" where none is set."""
    return settings.POSTURE_HUB_ROLE_ARN.split(":")[4] if settings.POSTURE_HUB_ROLE_ARN else ""


def start_collection(
    *, as_of: datetime, is_full: bool, requested_by: str, facts_every: timedelta | None = None
) -> Collection | None:
    """Begin a pass, with how often accounts are asked for their settings (None: as it is set).

    Returns None when one is already going on.
    """
    try:
        with transaction.atomic():
            collection = Collection.objects.create(
                as_of=as_of, is_full=is_full, requested_by=requested_by, facts_every=facts_every
            )
    except IntegrityError:
        return None
    return collection


def add_runs(
    collection: Collection,
    scopes: Iterable[tuple[str, str, str]],
    *,
    organization: Organization | None,
    now: datetime,
    full_since: datetime,
) -> list[CollectionRun]:
    """Add a run for each (source, account id, Region) that the collection does not have yet.

    A scope that has not been read in full since `full_since` is read in full, so that one that
    keeps failing does not make all others start anew.
    """
    read = CollectionRun.objects.filter(
        state=State.COMPLETE, is_full=True, collection__as_of__gt=full_since
    )
    fresh = set(read.values_list("source", "account_id", "region"))
    CollectionRun.objects.bulk_create(
        [
            CollectionRun(
                collection=collection,
                organization=organization,
                source=source,
                account_id=account_id,
                region=region,
                is_full=collection.is_full or (source, account_id, region) not in fresh,
                queued_at=now,
                heartbeat_at=now,
            )
            for source, account_id, region in sorted(scopes)
        ],
        ignore_conflicts=True,
    )
    return list(collection.runs.filter(state=State.PENDING).order_by("pk"))


def perform(
    run_id: int, work: Callable[[CollectionRun, Pulse], Outcome], *, clock: Clock
) -> str | None:
    """Claim the run, do the work, write down how it ended; None when somebody else has it.

    A SourceError ends the run with its state and message; any other exception leaves it FAILED
    and goes on, since it is a fault of ours.
    """
    pending = CollectionRun.objects.filter(pk=run_id, state=State.PENDING)
    now = clock()
    if not pending.update(
        state=State.RUNNING, attempt=F("attempt") + 1, started_at=now, heartbeat_at=now
    ):
        return None
    run = CollectionRun.objects.select_related("organization", "collection").get(pk=run_id)
    try:
        outcome = work(run, Pulse(run, clock))
    except SourceError as error:
        _finish(run, Outcome(), state=_state_of(error), error=error, now=clock())
    except Exception:
        _finish(run, Outcome(), state=State.FAILED, error=None, now=clock())
        raise
    else:
        problem = outcome.problems[0] if outcome.problems else None
        _finish(run, outcome, state=_state_after(outcome), error=problem, now=clock())
    run.refresh_from_db(fields=["state"])
    return run.state


def rescue(*, now: datetime, silent_for: timedelta) -> list[CollectionRun]:
    """Give up the workers that have been silent, and put their runs back; returns those runs."""
    silent = list(
        CollectionRun.objects.silent_since(now - silent_for).filter(
            collection__state=Collection.State.RUNNING
        )
    )
    for run in silent:
        CollectionRun.objects.filter(pk=run.pk, state=run.state, attempt=run.attempt).update(
            state=State.PENDING, heartbeat_at=now
        )
    return silent


def finish_collection(collection: Collection, *, now: datetime) -> None:
    """Close the pass with the state that its runs add up to."""
    states = set(collection.runs.values_list("state", flat=True))
    good = {State.COMPLETE, State.NOT_CONFIGURED}
    if states <= good:
        state = Collection.State.COMPLETE
    elif states & good or State.PARTIAL in states:
        state = Collection.State.PARTIAL
    else:
        state = Collection.State.FAILED
    Collection.objects.filter(pk=collection.pk, state=Collection.State.RUNNING).update(
        state=state, stage=Collection.Stage.DONE, finished_at=now
    )


def _state_after(outcome: Outcome) -> str:
    """What nobody has switched on is no hole in what was read."""
    if not outcome.problems:
        return State.COMPLETE
    is_off = all(isinstance(problem, NotConfigured) for problem in outcome.problems)
    return State.NOT_CONFIGURED if is_off else State.PARTIAL


def _state_of(error: SourceError) -> str:
    if isinstance(error, Denied):
        return State.DENIED
    return State.NOT_CONFIGURED if isinstance(error, NotConfigured) else State.FAILED


def _finish(
    run: CollectionRun, outcome: Outcome, *, state: str, error: SourceError | None, now: datetime
) -> None:
    values: dict[str, object] = {
        "state": state,
        "finished_at": now,
        "heartbeat_at": now,
        "error": " ".join(map(str, outcome.problems[:PROBLEMS_KEPT])) or str(error or ""),
        "missing_permission": (error.permission if error else "")[:120],
    }
    if state == State.FAILED and error is None:
        values["error"] = "Stopped by a fault of Parapet's own: the worker's log has the details."
    if outcome.counts:
        values["counts"] = dict(outcome.counts)
    if outcome.watermark:
        values["watermark"] = outcome.watermark
    mine = CollectionRun.objects.filter(pk=run.pk, attempt=run.attempt, state=State.RUNNING)
    mine.update(**values)
