"""Findings that could not be taken in: how many, why, and what came.

A finding that cannot be read belongs to no account that could be checked, so all of this is for
people who see the whole organisation and may read findings.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, Max, QuerySet
from django.db.models.functions import Coalesce

from findings import access as findings_access
from findings.models import QuarantinedFinding, UpkeepRun
from findings.models.upkeep import LOST_AFTER
from inventory import access, web
from inventory.access import AnyUser
from inventory.models import CollectionRun
from inventory.web import Key, Page

REASONS_SHOWN: Final = 200
PAGE_SIZE: Final = 50
_KEYS: Final = (Key("id", is_descending=True),)
_COUNTS: Final = ("tried", "taken_in", "kept", "new", "changed", "unchanged", "opened", "closed")
_LABELS: Final = {
    **dict(CollectionRun.Source.choices),
    "QUEUE": "EventBridge queue",
    "FILE": "imported files",
}


@dataclass(frozen=True, slots=True)
class QuarantineLine:
    """So many findings of a source that were refused for the same reason."""

    source: str
    source_code: str
    reason: str
    findings: int
    newest_at: datetime


@dataclass(frozen=True, slots=True)
class HeldRow:
    """One refused finding; `source_id` is "" where even its id could not be read."""

    pk: int
    source: str
    source_id: str
    reason: str
    shape: str
    first_seen_at: datetime
    last_seen_at: datetime
    retries: int


@dataclass(frozen=True, slots=True)
class Held:
    """A refused finding with what came; `context` is what its reader needs besides."""

    row: HeldRow
    context: tuple[tuple[str, str], ...]
    # A product's own JSON: any shape.
    payload: Any


@dataclass(frozen=True, slots=True)
class Retry:
    """The newest round of reading the quarantine again; `counts` in the order in which it is told.

    `is_lost`: no worker takes it or goes on.
    """

    state: str
    state_label: str
    requested_by: str
    created_at: datetime
    finished_at: datetime | None
    counts: tuple[tuple[str, int], ...]
    error: str
    is_lost: bool

    @property
    def is_unfinished(self) -> bool:
        return self.finished_at is None


def may_see(user: AnyUser) -> bool:
    return findings_access.may_read(user) and access.scope_of(user).everything


def _visible(user: AnyUser) -> "QuerySet[QuarantinedFinding]":
    held = QuarantinedFinding.objects.all()
    return held if may_see(user) else held.none()


def quarantine(user: AnyUser) -> tuple[QuarantineLine, ...]:
    """By source and reason, most first, REASONS_SHOWN at most. One query."""
    rows = (
        _visible(user)
        .values("source", "reason")
        .annotate(findings=Count("pk"), newest_at=Max(Coalesce("last_seen_at", "first_seen_at")))
        .order_by("-findings", "source", "reason")
    )
    return tuple(
        QuarantineLine(
            source=source_label(row["source"]),
            source_code=row["source"],
            reason=row["reason"],
            findings=row["findings"],
            newest_at=row["newest_at"],
        )
        for row in rows[:REASONS_SHOWN]
    )


def total(user: AnyUser) -> int:
    """How many findings are held. One query."""
    return _visible(user).count()


def held_unread(user: AnyUser) -> int:
    """How many are held, for people who see the whole organisation and may not read findings; else 0.

    That some are missing from the scores is not a finding, and must not look as if there were none.
    One query at most.
    """
    if may_see(user) or not access.scope_of(user).everything:
        return 0
    return QuarantinedFinding.objects.count()


def items(
    user: AnyUser, *, source: str = "", reason: str = "", cursor_text: str = ""
) -> Page[HeldRow]:
    """The held findings of a source and a reason, newest first. One query."""
    rows = _visible(user).defer("payload", "context")
    if source:
        rows = rows.filter(source=source)
    if reason:
        rows = rows.filter(reason=reason)
    cursor = web.read_cursor(cursor_text, keys=_KEYS)
    page = web.keyset(rows, keys=_KEYS, cursor=cursor, size=PAGE_SIZE)
    return Page(tuple(map(_row, page.rows)), page.next_cursor, page.previous_cursor)


def item(user: AnyUser, pk: int) -> Held | None:
    """One held finding; None when there is none, or it is not for this person. One query."""
    found = _visible(user).filter(pk=pk).first()
    if found is None:
        return None
    context = found.context.items() if isinstance(found.context, dict) else ()
    return Held(
        row=_row(found),
        context=tuple((str(name), str(value)) for name, value in context),
        payload=found.payload,
    )


def newest_retry(user: AnyUser, *, now: datetime) -> Retry | None:
    """The newest round, None before the first. One query."""
    if not may_see(user):
        return None
    runs = UpkeepRun.objects.of(UpkeepRun.Kind.RETRY_QUARANTINE)
    found = runs.order_by("-pk").first()
    if found is None:
        return None
    return Retry(
        state=found.state,
        state_label=found.get_state_display(),
        requested_by=found.requested_by,
        created_at=found.created_at,
        finished_at=found.finished_at,
        counts=tuple(
            (name.replace("_", " "), found.counts[name])
            for name in sorted(found.counts, key=lambda name: (_place(name), name))
        ),
        error=found.error,
        is_lost=found.finished_at is None and found.heartbeat_at < now - LOST_AFTER,
    )


def _place(name: str) -> int:
    return _COUNTS.index(name) if name in _COUNTS else len(_COUNTS)


def source_label(source: str) -> str:
    return str(_LABELS.get(source, source))


def _row(held: QuarantinedFinding) -> HeldRow:
    return HeldRow(
        pk=held.pk,
        source=source_label(held.source),
        source_id=held.source_id,
        reason=held.reason,
        shape=held.shape,
        first_seen_at=held.first_seen_at,
        last_seen_at=held.last_seen_at or held.first_seen_at,
        retries=held.retries,
    )
