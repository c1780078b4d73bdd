"""Takes findings from the event queue, for as long as it runs: changes in AWS show within seconds."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection
from django.utils import timezone

from findings import tasks
from findings.ingest import events
from findings.models import QueueFeed
from findings.sources import event_queue
from inventory import aws
from inventory.models import Organization

# After an error the wait doubles from the first to the longest; what only a person can mend waits
# the longest at once.
FIRST_WAIT: Final = 1.0
LONGEST_WAIT: Final = 60.0
# A consumer that has said nothing for so long is not there.
SILENT: Final = timedelta(seconds=180)


class _Stopped(BaseException):
    """Told to stop while it was only waiting; not an Exception, so that nobody on the way keeps it."""


class Stop:
    """SIGTERM and SIGINT: at once while waiting for messages, else after the batch in work."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._is_waiting = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear the signals; only the main thread can."""
        is_main = threading.current_thread() is threading.main_thread()
        numbers = (signal.SIGTERM, signal.SIGINT) if is_main else ()
        before = {number: signal.signal(number, lambda *_: self.ask()) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def ask(self) -> None:
        self._asked.set()
        if self._is_waiting:
            self._is_waiting = False
            raise _Stopped

    @property
    def is_asked(self) -> bool:
        return self._asked.is_set()

    def wait(self, seconds: float) -> None:
        self._asked.wait(seconds)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A stretch of nothing but waiting, which the signal may cut short.

        :raises _Stopped: it did
        """
        self._is_waiting = True
        if self.is_asked:
            self.ask()
        try:
            yield
        finally:
            self._is_waiting = False


class Command(BaseCommand):
    help = "Take Security Hub's events from the queue (POSTURE_EVENT_QUEUE_URL) until told to stop."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="end when the queue is empty")
        parser.add_argument("--max-seconds", type=float, help="end after so long")
        parser.add_argument(
            "--check", action="store_true", help="fail unless a consumer works; take nothing"
        )

    def handle(self, **options: Any) -> None:
        if not settings.POSTURE_EVENT_QUEUE_URL:
            raise CommandError(
                "POSTURE_EVENT_QUEUE_URL is not set. Set it to the queue of deploy/aws/event-queue.yaml."
            )
        if options["check"]:
            check()
            return
        stop = Stop()
        with stop.listening():
            Consumer(stop, is_once=options["once"], seconds=options["max_seconds"]).run()


def check() -> None:
    """:raises CommandError: no consumer has given a sign of life for SILENT."""
    feed = QueueFeed.objects.filter(queue_url=settings.POSTURE_EVENT_QUEUE_URL).first()
    if feed is None:
        # Before the first collection there is nothing that events could belong to.
        return
    if timezone.now() - feed.heartbeat_at > SILENT:
        raise CommandError(
            f"Nobody has read the queue since {feed.heartbeat_at:%Y-%m-%d %H:%M:%S}."
        )


class Consumer:
    """The loop: wait, take in, delete; back off after an error."""

    def __init__(self, stop: Stop, *, is_once: bool, seconds: float | None) -> None:
        self._stop = stop
        self._is_once = is_once
        self._until = None if seconds is None else time.monotonic() + seconds
        self._roll_ups = tasks.RollUps()
        self._wait = FIRST_WAIT

    def run(self) -> None:
        feed = self._feed()
        if feed is None:
            return
        try:
            while not self._is_over:
                if self._step(feed) and self._is_once:
                    break
        except _Stopped:
            pass
        finally:
            if not self._is_once:
                events.note_stopped(feed, now=timezone.now())

    @property
    def _is_over(self) -> bool:
        return self._stop.is_asked or self._seconds_left <= 0

    @property
    def _seconds_left(self) -> float:
        return float("inf") if self._until is None else self._until - time.monotonic()

    def _feed(self) -> QueueFeed | None:
        """The queue's row, as soon as there is an organisation; None when that takes too long."""
        while not self._is_over:
            organization = Organization.objects.order_by("pk").first()
            if organization is not None:
                url = settings.POSTURE_EVENT_QUEUE_URL
                return events.feed_of(organization, queue_url=url, now=timezone.now())
            if self._is_once:
                raise CommandError("There is no organisation yet: collect it first.")
            self._stop.wait(min(FIRST_WAIT, self._seconds_left))
        return None

    def _step(self, feed: QueueFeed) -> bool:
        """Take in what there is; returns whether the queue is empty.

        :raises SourceError: with --once; a loop writes it down and goes on
        """
        try:
            taken = self._take(feed)
        except aws.SourceError as error:
            events.note_error(feed, error, now=timezone.now())
            if self._is_once:
                raise CommandError(str(error)) from error
            is_passing = isinstance(error, aws.Throttled | aws.Unavailable)
            self._back_off(error, wait=self._wait if is_passing else LONGEST_WAIT)
            return False
        except OperationalError as error:
            # Postgres is away, so nothing can be written down. What was received comes again.
            if self._is_once:
                raise
            connection.close()
            self._back_off(error, wait=self._wait)
            return False
        self._wait = FIRST_WAIT
        if taken is None:
            return True
        if taken.is_news:
            self._roll_ups.ask(now=timezone.now())
        return taken.is_last

    def _take(self, feed: QueueFeed) -> events.Taken | None:
        client = tasks.event_client(feed.queue_url)
        longest = 1 if self._is_once else event_queue.LONG_POLL_SECONDS
        wait_seconds = max(0, int(min(longest, self._seconds_left)))
        with self._stop.waiting():
            messages = event_queue.receive(
                client, queue_url=feed.queue_url, wait_seconds=wait_seconds
            )
        return tasks.take_events(feed, client, messages)

    def _back_off(self, error: Exception, *, wait: float) -> None:
        sys.stderr.write(f"WARNING {error}\n")
        self._wait = min(self._wait * 2, LONGEST_WAIT)
        self._stop.wait(max(0.0, min(wait, self._seconds_left)))
