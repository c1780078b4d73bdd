"""Findings from the event queue: stored first, deleted from the queue after that."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction

from findings.ingest import event_routes
from findings.ingest.collected import QUEUE, take_pages
from findings.ingest.controls import load_catalog
from findings.models import Feed, QueueFeed
from findings.normalise.records import Page, Rejected
from findings.normalise.routed import RoutedEvent, TakenIn
from findings.sources import event_queue
from findings.sources.event_queue import Message
from inventory.actions import Clock
from inventory.aws import Client, Denied, SourceError
from inventory.models import Organization

# Security Hub repeats these findings, grouped and incomplete; the analyzers have them whole.
READ_DIRECTLY: Final = frozenset({"access-analyzer"})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a batch.

    `is_news`: some finding is not as it was. `is_last`: no more was waiting then.
    """

    counts: Mapping[str, int]
    is_news: bool
    is_last: bool


def feed_of(organization: Organization, *, queue_url: str, now: datetime) -> QueueFeed:
    """Return the row of the queue that is configured; those of earlier ones go."""
    QueueFeed.objects.filter(organization=organization).exclude(queue_url=queue_url).delete()
    feed, _ = QueueFeed.objects.get_or_create(
        queue_url=queue_url, defaults={"organization": organization, "heartbeat_at": now}
    )
    return feed


def take(
    messages: Sequence[Message], *, client: Client, feed: QueueFeed, api: str, clock: Clock
) -> Taken:
    """Store what the messages hold, then delete them; until then nobody else gets them.

    Whatever is raised leaves them in the queue: they come again, and are stored again, harmlessly.

    :raises SourceError: SQS did not delete them
    """
    routed = event_routes.kinds()
    batch = event_queue.read(messages, api=api, left_out=READ_DIRECTLY, routed=routed)
    counts = {"received": len(messages), "skipped": batch.skipped}
    with event_queue.holding(client, messages, queue_url=feed.queue_url):
        others = _route(batch, feed.organization, now=clock())
        catalog = load_catalog(feed.organization)
        for at, page in _pages(batch, others.unread, now=clock()):
            tally = take_pages(
                [page],
                organization=feed.organization,
                catalog=catalog,
                feed=Feed.SECURITY_HUB,
                source=QUEUE,
                as_of=at,
                beat=_no_beat,
            )
            for name, count in tally.counts.items():
                counts[name] = counts.get(name, 0) + count
    counts |= others.counts
    _note_taken(feed.pk, counts, latest_at=batch.latest_at, now=clock())
    failed = event_queue.delete(client, messages, queue_url=feed.queue_url)
    if failed:
        _log.warning("SQS did not delete %d of %d messages; they come again", failed, len(messages))
    return Taken(
        counts,
        is_news=others.is_news
        or any(counts.get(name) for name in ("new", "changed", "opened", "closed")),
        is_last=len(messages) < event_queue.GATHERED,
    )


def note_idle(feed: QueueFeed, *, now: datetime) -> None:
    """Write down that the queue was asked and is empty."""
    QueueFeed.objects.filter(pk=feed.pk).update(
        state=QueueFeed.State.RUNNING, heartbeat_at=now, error="", missing_permission=""
    )


def note_error(feed: QueueFeed, error: SourceError, *, now: datetime) -> None:
    """Write down why the queue cannot be read, and which permission is missing."""
    is_denied = isinstance(error, Denied)
    QueueFeed.objects.filter(pk=feed.pk).update(
        state=QueueFeed.State.DENIED if is_denied else QueueFeed.State.FAILED,
        heartbeat_at=now,
        error=str(error),
        missing_permission=error.permission[:120],
    )


def note_stopped(feed: QueueFeed, *, now: datetime) -> None:
    """Write down that nobody reads the queue any more, unless an error says so already."""
    running = QueueFeed.objects.filter(pk=feed.pk, state=QueueFeed.State.RUNNING)
    running.update(state=QueueFeed.State.STOPPED, heartbeat_at=now)


def _route(batch: event_queue.Batch, organization: Organization, *, now: datetime) -> TakenIn:
    """Let others take in what is theirs."""
    counts: Counter[str] = Counter()
    unread: list[tuple[RoutedEvent, str]] = []
    is_news = False
    for kind, found in batch.routed.items():
        events = [
            RoutedEvent(one.message.message_id, one.at, one.detail, one.message.body)
            for one in found
        ]
        taken = event_routes.taker_of(kind)(organization, events, now)
        counts.update(taken.counts)
        unread += taken.unread
        is_news |= taken.is_news
    return TakenIn(counts, tuple(unread), is_news)


def _pages(
    batch: event_queue.Batch, unread: Sequence[tuple[RoutedEvent, str]], *, now: datetime
) -> Iterator[tuple[datetime, Page]]:
    """Each page with the moment as of which it is true; what could not be read comes last."""
    for page in batch.pages:
        # AWS's clock may be ahead of ours.
        yield min(page.at, now), page.page
    rejected = batch.rejected + tuple(
        Rejected(event.message_id, why, event.body, shape=event_queue.TEXT) for event, why in unread
    )
    if rejected:
        yield now, Page((), rejected, None)


def _no_beat(_: Mapping[str, int]) -> None:
    """A batch is held in the queue by a thread of its own, so it need not show signs of life."""


@transaction.atomic
def _note_taken(
    feed_id: int, counts: Mapping[str, int], *, latest_at: datetime | None, now: datetime
) -> None:
    feed = QueueFeed.objects.select_for_update().filter(pk=feed_id).first()
    if feed is None:
        # Another queue was configured meanwhile.
        return
    for name, count in counts.items():
        feed.counts[name] = feed.counts.get(name, 0) + count
    feed.state, feed.error, feed.missing_permission = QueueFeed.State.RUNNING, "", ""
    feed.heartbeat_at = feed.last_message_at = now
    if latest_at is not None:
        feed.last_delay_seconds = max(0.0, (now - latest_at).total_seconds())
    feed.save()
