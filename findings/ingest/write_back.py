"""Works a bulk action off: AWS is told in batches, and each batch is written down before the next.

A worker that is killed leaves one batch at most that AWS knows of and we do not; it is written
again, which changes nothing in AWS.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q, QuerySet

from findings.ingest.workflow import set_workflow
from findings.models import BulkAction, BulkItem, Feed, FindingPayload
from findings.sources import write_back
from findings.sources.write_back import Identifier
from inventory.actions import Clock
from inventory.aws import Client, Malformed, NotConfigured, SourceError, Throttled, Unavailable

State = BulkAction.State
OURS: Final = "Stopped by a fault of Parapet's own: the worker's log has the details."
SWITCHED_OFF: Final = "Writing to AWS is switched off. Set POSTURE_WRITE_BACK=1 to allow it."
_ELSEWHERE: Final = "Security Hub does not have this finding: it came by another way."
_UNNAMED: Final = "The V2 API has not given this finding yet, so it cannot be named to AWS."


@dataclass(frozen=True, slots=True)
class Road:
    """How to reach AWS: a client by Region ("" is the home Region), and the API (v1 or v2).

    `is_regional`: without an aggregator a finding is changed in its own Region.
    """

    client_of: Callable[[str], Client]
    api: str
    is_regional: bool


class _TakenOver(Exception):
    """Another worker goes on with this action."""


def refuse(action_id: int, *, why: str, now: datetime) -> str | None:
    """End an action that has not begun; None when it has."""
    waiting = BulkAction.objects.filter(pk=action_id, state=State.PENDING)
    refused = waiting.update(state=State.FAILED, error=why, finished_at=now)
    return State.FAILED if refused else None


def perform(action_id: int, *, road: Road, clock: Clock) -> str | None:
    """Claim an action and do what is left of it; returns its end, None when somebody else has it.

    :raises Throttled, Unavailable: it waits to be claimed again
    """
    now = clock()
    waiting = BulkAction.objects.filter(pk=action_id, state=State.PENDING)
    if not waiting.update(state=State.RUNNING, heartbeat_at=now, error=""):
        return None
    action = BulkAction.objects.select_related("requested_by").get(pk=action_id)
    error = ""
    try:
        _set_aside(action, now=clock())
        while items := _next_items(action, is_regional=road.is_regional):
            _write(action, items, road=road, clock=clock)
    except _TakenOver:
        return None
    except (Throttled, Unavailable) as problem:
        _mine(action).update(state=State.PENDING, error=str(problem), heartbeat_at=clock())
        raise
    except SourceError as problem:
        error = str(problem)
    except Exception:
        _finish(action, error=OURS, now=clock())
        raise
    return _finish(action, error=error, now=clock())


def rescue(*, now: datetime, silent_for: timedelta) -> list[int]:
    """Put back the actions whose worker or message is gone; returns their ids."""
    since = now - silent_for
    silent = BulkAction.objects.filter(
        Q(state__in=[State.PENDING, State.RUNNING], heartbeat_at__lt=since)
        | Q(state=State.PENDING, heartbeat_at=None, created_at__lt=since)
    )
    found = list(silent.order_by("pk").values_list("pk", flat=True))
    silent.filter(pk__in=found).update(state=State.PENDING, heartbeat_at=now)
    return found


def _mine(action: BulkAction) -> QuerySet[BulkAction]:
    """The action as long as nobody else has gone on with it."""
    return BulkAction.objects.filter(
        pk=action.pk, state=State.RUNNING, heartbeat_at=action.heartbeat_at
    )


def _set_aside(action: BulkAction, *, now: datetime) -> None:
    """Fail what Security Hub does not have: findings of files and of Access Analyzer."""
    with transaction.atomic():
        elsewhere = BulkItem.objects.filter(action=action, state=BulkItem.State.PENDING).exclude(
            finding__feed=Feed.SECURITY_HUB
        )
        failed = elsewhere.update(state=BulkItem.State.FAILED, error=_ELSEWHERE)
        _beat(action, done=0, failed=failed, now=now, total=action.items.count())


def _next_items(action: BulkAction, *, is_regional: bool) -> list[BulkItem]:
    """Up to a batch of waiting items that one call can take: of one workflow, and one Region."""
    waiting = (
        BulkItem.objects.filter(action=action, state=BulkItem.State.PENDING)
        .select_related("finding")
        .order_by("pk")
    )
    first = waiting.first()
    if first is None:
        return []
    alike = waiting.filter(after=first.after)
    if is_regional:
        alike = alike.filter(finding__region=first.finding.region)
    return list(alike[: write_back.BATCH])


def _write(action: BulkAction, items: Sequence[BulkItem], *, road: Road, clock: Clock) -> None:
    named = _identifiers(items, api=road.api)
    by = action.requested_by.get_username()
    region = items[0].finding.region if road.is_regional else ""
    workflow = items[0].after
    refused = {item.pk: _UNNAMED for item in items if item.pk not in named}
    try:
        written = write_back.update(
            road.client_of(region),
            list(named.values()),
            workflow=workflow,
            note=action.note,
            by=f"{by} (Parapet)",
            api=road.api,
        )
    except (Malformed, NotConfigured) as problem:
        # AWS does not take something in this batch, or has no hub in its Region; others may be well.
        refused |= dict.fromkeys(named, str(problem))
    else:
        refused |= {
            pk: written.unprocessed[name]
            for pk, name in named.items()
            if name in written.unprocessed
        }
    _note(action, items, refused, by=by, now=clock())


def _identifiers(items: Sequence[BulkItem], *, api: str) -> dict[int, Identifier]:
    """What AWS calls the findings, by item; one that has no name there is missing."""
    uids: dict[int, str] = {}
    if api == "v2":
        payloads = FindingPayload.objects.filter(finding__in=[item.finding_id for item in items])
        uids = dict(payloads.values_list("finding_id", "payload__metadata__uid"))
    return {
        item.pk: Identifier(
            item.finding.finding_id, item.finding.product_arn, uids.get(item.finding_id) or ""
        )
        for item in items
        if api != "v2" or uids.get(item.finding_id)
    }


@transaction.atomic
def _note(
    action: BulkAction,
    items: Sequence[BulkItem],
    refused: Mapping[int, str],
    *,
    by: str,
    now: datetime,
) -> None:
    done = [item for item in items if item.pk not in refused]
    _beat(action, done=len(done), failed=len(refused), now=now)
    BulkItem.objects.filter(pk__in=[item.pk for item in done]).update(state=BulkItem.State.DONE)
    for item in items:
        if item.pk in refused:
            item.state, item.error = BulkItem.State.FAILED, refused[item.pk]
    BulkItem.objects.bulk_update([item for item in items if item.pk in refused], ["state", "error"])
    if done:
        set_workflow(
            [item.finding_id for item in done],
            workflow=items[0].after,
            note=action.note,
            by=by,
            at=now,
        )


def _beat(
    action: BulkAction, *, done: int, failed: int, now: datetime, total: int | None = None
) -> None:
    """Count, and show a sign of life.

    :raises _TakenOver: the action is not ours any more
    """
    values: dict[str, object] = {"heartbeat_at": now}
    values |= {"done": F("done") + done, "failed": F("failed") + failed}
    if total is not None:
        values["total"] = total
    if not _mine(action).update(**values):
        raise _TakenOver
    action.heartbeat_at = now


def _finish(action: BulkAction, *, error: str, now: datetime) -> str | None:
    """Write down the end; None when another worker has gone on with it."""
    items = action.items.all()
    done = items.filter(state=BulkItem.State.DONE).count()
    failed = items.filter(state=BulkItem.State.FAILED).count()
    if not error and not failed:
        state = State.COMPLETE
    else:
        state = State.PARTIAL if done else State.FAILED
    ended = _mine(action).update(
        state=state, done=done, failed=failed, error=error, finished_at=now, heartbeat_at=now
    )
    return state if ended else None
