"""Starts a collection, as the schedule and the sync page do."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from inventory.models import Collection, CollectionRun
from posture import tasks

POLL_SECONDS = 0.1


class Command(BaseCommand):
    help = "Collect the organisation now; the workers do it, and --wait shows how far they are."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--wait", action="store_true", help="wait for the end")
        parser.add_argument("--full", action="store_true", help="read everything, not only changes")
        parser.add_argument("--timeout", type=int, default=3600, help="seconds to wait at most")

    def handle(self, **options: Any) -> None:
        started = tasks.begin(
            as_of=timezone.now(), requested_by="manage.py", is_full=options["full"] or None
        )
        if started is None:
            self.stdout.write("A collection is already going on.")
            running = Collection.objects.filter(state=Collection.State.RUNNING).first()
            started = running.pk if running else None
        elif not options["wait"]:
            self.stdout.write("A worker collects now; the sync page shows how far it is.")
        if options["wait"] and started is not None:
            collection = wait(started, timeout=options["timeout"])
            self.stdout.write(sentence(collection))


def wait(collection_id: int, *, timeout: float) -> Collection:
    """Return the collection once it has ended.

    :raises CommandError: when it has not ended after `timeout` seconds.
    """
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        collection = Collection.objects.get(pk=collection_id)
        if collection.state != Collection.State.RUNNING:
            return collection
        time.sleep(POLL_SECONDS)
    raise CommandError(
        f"Collection {collection_id} has not ended after {timeout:g} s. Is a worker running? "
        "Start one: celery -A posture worker -Q collect,ingest,rollup,mail"
    )


def sentence(collection: Collection) -> str:
    """What came of it, in one line, and a line for each run that did not go well."""
    runs = list(collection.runs.order_by("pk"))
    findings = sum(
        run.counts.get(name, 0) for run in runs for name in ("new", "changed", "unchanged")
    )
    changed = sum(run.counts.get(name, 0) for run in runs for name in ("new", "changed"))
    accounts = sum(run.counts.get("accounts", 0) for run in runs)
    head = (
        f"{collection.as_of:%Y-%m-%d %H:%M} {collection.get_state_display()}: {accounts} accounts, "
        f"{findings} findings read, {changed} new or changed"
    )
    poor = [run for run in runs if run.state != CollectionRun.State.COMPLETE]
    lines = [
        f"  {run.get_source_display()} {run.region}: {run.get_state_display()}. {run.error}"
        for run in poor
    ]
    return "\n".join([head, *lines])
