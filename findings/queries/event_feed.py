"""The event queue as the sync page shows it: whether anybody reads it, and how far behind that is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from findings.models import QueueFeed
from inventory import access
from inventory.access import AnyUser

# A consumer waits 20 seconds for messages, and beat looks each minute.
SILENT: Final = timedelta(seconds=180)
_COUNTED: Final = (
    "received",
    "new",
    "changed",
    "unchanged",
    "calls",
    "denials",
    "quarantined",
    "skipped",
)
_State = QueueFeed.State


@dataclass(frozen=True, slots=True)
class EventFeed:
    """`delay` is how long the newest event took to us, in words; "" before the first.

    `state` may be SILENT, too. Counts and errors are for those who see the whole organisation;
    empty for others.
    """

    state: str
    state_label: str
    is_problem: bool
    last_message_at: datetime | None
    heartbeat_at: datetime
    delay: str
    counts: tuple[tuple[str, int], ...]
    error: str
    missing_permission: str


def event_feed(user: AnyUser, *, queue_url: str, now: datetime) -> EventFeed | None:
    """The queue that is configured; None without one, or before anybody has read it. Two queries."""
    feed = QueueFeed.objects.filter(queue_url=queue_url).first() if queue_url else None
    if feed is None:
        return None
    sees_all = access.scope_of(user).everything
    state, label = feed.state, feed.get_state_display()
    if state == _State.RUNNING and now - feed.heartbeat_at > SILENT:
        state, label = "SILENT", "nobody reads it"
    return EventFeed(
        state=state,
        state_label=label,
        is_problem=state != _State.RUNNING,
        last_message_at=feed.last_message_at,
        heartbeat_at=feed.heartbeat_at,
        delay=_words(feed.last_delay_seconds),
        counts=_counts(feed.counts) if sees_all else (),
        error=feed.error if sees_all else "",
        missing_permission=feed.missing_permission if sees_all else "",
    )


def _counts(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple((name, counts[name]) for name in _COUNTED if counts.get(name))


def _words(seconds: float | None) -> str:
    if seconds is None:
        return ""
    for size, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {name}"
    return "1 second" if round(seconds) == 1 else f"{seconds:.0f} seconds"
