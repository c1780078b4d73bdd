"""From when to when denials are known at all: a feed that is not there has denied nothing, and says nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from findings.models import QueueFeed
from invariants.models import TrailFeed

_State = QueueFeed.State


@dataclass(frozen=True, slots=True)
class Recorded:
    """`since` and `until` are the days from and up to which events came; None: none ever did."""

    since: date | None
    until: date | None
    has_queue: bool = False

    @property
    def is_recorded(self) -> bool:
        return self.since is not None

    def has(self, day: date) -> bool:
        """Whether the day is known, so that nothing stored means nothing denied."""
        return self.since is not None and self.until is not None and self.since <= day <= self.until

    def any_of(self, days: Iterable[date]) -> bool:
        return any(self.has(day) for day in days)

    def is_behind(self, today: date) -> bool:
        """Recorded, but not up to yesterday."""
        return self.until is not None and self.until < today - timedelta(days=1)


def recorded() -> Recorded:
    """How far the feeds reach together. Two queries."""
    feeds = list(TrailFeed.objects.order_by("kind"))
    if not feeds:
        return Recorded(None, None)
    queue = QueueFeed.objects.order_by("-heartbeat_at").first()
    until = max(_reaches(feed, queue) for feed in feeds)
    has_queue = any(feed.kind == TrailFeed.Kind.QUEUE for feed in feeds)
    return Recorded(min(feed.first_event_at for feed in feeds).date(), until.date(), has_queue)


def _reaches(feed: TrailFeed, queue: QueueFeed | None) -> datetime:
    """The newest moment of which the feed would have told.

    A queue that is read and empty tells of that moment; one that cannot be read does not.
    """
    if feed.kind != TrailFeed.Kind.QUEUE or queue is None:
        return feed.last_event_at
    is_read = queue.state in (_State.RUNNING, _State.STOPPED)
    asked = queue.heartbeat_at if is_read else queue.last_message_at
    return max(feed.last_event_at, asked) if asked else feed.last_event_at
