"""What a copy of a finding changes in what is stored. Pure.

Copies are ordered by UpdatedAt, then by when they were read, then by what they say; the newest gives
the row its columns. Every copy, however late, counts for the history and the episodes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from findings.ingest import timeline
from findings.ingest.copies import (
    LAG,
    RANKS,
    Batch,
    Copy,
    failed_or_ended_at,
    state_of,
    status_of,
    strength,
)
from findings.ingest.timeline import State, Stretch
from findings.ingest.verdicts import Stored, Verdict
from findings.models import Feed, Status

# What says nothing of a failure that was seen before.
_UNSEEING: Final = frozenset({"WARNING", "NOT_AVAILABLE"})
# What a copy that says nothing can have come to.
_CARRIED: Final = frozenset({Status.OPEN.value, Status.CLOSED.value})


def is_same(copy: Copy, stored: Sequence[Any], feed: Feed) -> bool:
    """Say at a glance whether a copy is what is stored; `stored` are the first PEEKED columns."""
    record = copy.record
    _, _, content_hash, updated_at, workflow, status, account, control, vanished_at, own = stored
    return bool(
        content_hash == record.content_hash
        and updated_at == record.updated_at
        and workflow == record.workflow
        and (status == copy.status or (copy.status is Status.UNKNOWN and status in _CARRIED))
        and account == copy.account
        and control == copy.control
        and vanished_at is None
        and RANKS[own] >= RANKS[feed]
    )


def first(copy: Copy, batch: Batch) -> Verdict:
    """Return what becomes of a finding that is not stored yet."""
    said = state_of(copy, copy.status)
    at = failed_or_ended_at(copy.record, is_open=said is State.OPEN, as_of=batch.as_of)
    opened_at = at if said is State.OPEN else None
    return Verdict(
        copy=copy,
        stored=None,
        kind="new",
        is_newest=True,
        status=_unseen(copy.record.record_state).value
        if copy.status is Status.UNKNOWN
        else copy.status.value,
        workflow=copy.record.workflow,
        feed=batch.feed.value,
        observed_at=batch.known_at,
        vanished_at=None,
        history=[] if said is None else [timeline.entry(at, said)],
        last_failed_at=at if said is State.OPEN else None,
        last_passed_at=at if said not in {None, State.OPEN} else None,
        fix_seen_at=fix_at(copy),
        opened_at=opened_at,
        episodes=[Stretch(opened_at)] if opened_at else [],
    )


def judge(copy: Copy, stored: Stored, batch: Batch, *, episodes: Sequence[Stretch]) -> Verdict:
    """Return what becomes of a stored finding; `episodes` are its own so far, oldest first."""
    is_newest, is_repeated = _compare(copy, stored, batch)
    # What was read before the sweep that missed it does not bring a finding back.
    is_away = stored.vanished_at is not None and is_repeated and batch.as_of < stored.vanished_at
    is_newest = is_newest and not is_away
    workflow = _workflow(copy, stored, batch) if is_newest else stored.workflow
    natural = copy.status if copy.record.workflow == workflow else _status(copy, workflow)
    verdict = _carry(copy, stored, batch)
    verdict.is_newest = is_newest
    verdict.workflow = workflow
    if is_newest:
        verdict.observed_at = _observed_at(copy, stored, batch, is_repeated=is_repeated)
        verdict.vanished_at = None
    _replay(verdict, natural if is_newest else _stored_status(stored, copy), batch, episodes)
    verdict.kind = _kind(verdict, stored, is_repeated=is_repeated)
    verdict.is_written = _is_written(verdict, stored)
    return verdict


def _compare(copy: Copy, stored: Stored, batch: Batch) -> tuple[bool, bool]:
    """Whether the copy is the newest, and whether it is the very one that is stored."""
    record = copy.record
    if record.updated_at != stored.updated_at:
        return record.updated_at > stored.updated_at, False
    if record.content_hash == stored.content_hash:
        return True, True
    is_file, was_file = batch.feed is Feed.FILE, stored.feed == Feed.FILE
    if is_file != was_file:
        return was_file, False
    known_at = stored.observed_at
    if known_at is not None and batch.known_at != known_at:
        return batch.known_at > known_at, False
    old = strength(_stored_status(stored, copy)), stored.content_hash
    return (strength(copy.status), record.content_hash) > old, False


def _workflow(copy: Copy, stored: Stored, batch: Batch) -> str:
    """What AWS has accepted from here holds until somebody who can know says otherwise."""
    set_at = stored.workflow_set_at
    is_behind = set_at is not None and batch.known_at < set_at + LAG
    return stored.workflow if is_behind else copy.record.workflow


def _observed_at(copy: Copy, stored: Stored, batch: Batch, *, is_repeated: bool) -> datetime | None:
    if is_repeated and copy.record.workflow == stored.workflow:
        return stored.observed_at
    return batch.known_at


def _status(copy: Copy, workflow: str) -> Status:
    return status_of(copy.record, is_control_enabled=copy.is_control_enabled, workflow=workflow)


def _stored_status(stored: Stored, copy: Copy) -> Status:
    """What the stored copy itself said, before a failure was carried through it."""
    if stored.record_state == "ACTIVE" and stored.compliance in _UNSEEING:
        return Status.UNKNOWN
    is_lost = stored.record_state == "ARCHIVED" and not copy.is_control_enabled
    if is_lost and stored.compliance not in {"FAILED", "PASSED"}:
        return Status.UNKNOWN
    return Status(stored.status)


def _unseen(record_state: str) -> Status:
    """What a copy that says nothing comes to where no failure is carried through it."""
    return Status.CLOSED if record_state == "ARCHIVED" else Status.UNKNOWN


def _carry(copy: Copy, stored: Stored, batch: Batch) -> Verdict:
    """What a copy adds whether it is the newest or not."""
    rank = max(RANKS[stored.feed], RANKS[batch.feed])
    is_open = copy.status is Status.OPEN
    at = failed_or_ended_at(copy.record, is_open=is_open, as_of=batch.as_of)
    is_end = copy.status in {Status.PASSED, Status.CLOSED}
    return Verdict(
        copy=copy,
        stored=stored,
        kind="",
        is_newest=False,
        status=stored.status,
        workflow=stored.workflow,
        feed=next(feed for feed, own in RANKS.items() if own == rank),
        observed_at=stored.observed_at,
        vanished_at=stored.vanished_at,
        history=list(stored.history or ()),
        last_failed_at=_latest(stored.last_failed_at, at if is_open else None),
        last_passed_at=_latest(stored.last_passed_at, at if is_end else None),
        fix_seen_at=_earliest(stored.fix_seen_at, fix_at(copy)),
        opened_at=stored.opened_at,
    )


def _replay(verdict: Verdict, status: Status, batch: Batch, episodes: Sequence[Stretch]) -> None:
    """Set history, episodes, status and opened_at; `status` is what the newest copy says."""
    copy, stored = verdict.copy, verdict.stored
    assert stored is not None
    old = list(stored.history or ())
    history = old
    said = state_of(copy, copy.status)
    at = failed_or_ended_at(copy.record, is_open=said is State.OPEN, as_of=batch.as_of)
    if verdict.vanished_at is None and stored.vanished_at is not None:
        history = timeline.returned(history, at=at)
    if said is not None:
        number = timeline.entry(at, said)
        if timeline.accepts(history, number, stored=episodes):
            history = timeline.append(history, number)
    if verdict.vanished_at is None and (final := state_of_status(verdict, status)) is not None:
        when = batch.as_of if verdict.is_newest else stored.observed_at or batch.as_of
        history = timeline.correct(history, to=final, at=when)
    replayed = timeline.replay(history, old=old, stored=episodes)
    verdict.history = timeline.trimmed(history)
    if replayed != list(episodes):
        verdict.episodes = replayed
    is_open = bool(replayed) and replayed[-1].is_open
    if status is Status.UNKNOWN and verdict.vanished_at is None:
        newest = copy.record if verdict.is_newest else stored
        status = Status.OPEN if is_open else _unseen(newest.record_state)
    verdict.status = status.value if verdict.vanished_at is None else stored.status
    if verdict.status != Status.OPEN.value:
        verdict.opened_at = None
    elif is_open:
        verdict.opened_at = replayed[-1].opened_at


def state_of_status(verdict: Verdict, status: Status) -> State | None:
    """The state that the history has to end in: that of the newest copy, whichever it is."""
    if status is Status.UNKNOWN:
        return None
    if verdict.is_newest:
        return state_of(verdict.copy, status)
    ends = {Status.OPEN: State.OPEN, Status.PASSED: State.PASSED, Status.CLOSED: State.RESOLVED}
    return ends[status]


def fix_at(copy: Copy) -> datetime | None:
    """When a copy says that there is a fix; None where it names none."""
    is_fixable = any(one.has_fix is not False for one in copy.weaknesses)
    return copy.record.updated_at if is_fixable else None


def _kind(verdict: Verdict, stored: Stored, *, is_repeated: bool) -> str:
    copy = verdict.copy
    if not verdict.is_newest:
        return "same" if is_repeated else "older"
    is_changed = (
        copy.record.content_hash != stored.content_hash
        or verdict.workflow != stored.workflow
        or verdict.status != stored.status
        or verdict.opened_at != stored.opened_at
        or copy.account != stored.account
        or copy.control != stored.control
        or stored.vanished_at != verdict.vanished_at
    )
    if is_changed:
        return "changed"
    return "same" if is_repeated else "touched"


def _is_written(verdict: Verdict, stored: Stored) -> bool:
    """Whether anything at all is different."""
    if verdict.kind in {"changed", "touched"}:
        return True
    return (
        verdict.episodes is not None
        or verdict.feed != stored.feed
        or verdict.history != (stored.history or [])
        or verdict.status != stored.status
        or verdict.last_failed_at != stored.last_failed_at
        or verdict.last_passed_at != stored.last_passed_at
        or verdict.fix_seen_at != stored.fix_seen_at
    )


def _latest(first: datetime | None, second: datetime | None) -> datetime | None:
    return max((at for at in (first, second) if at is not None), default=None)


def _earliest(first: datetime | None, second: datetime | None) -> datetime | None:
    return min((at for at in (first, second) if at is not None), default=None)
