"""Collects the past of the sandbox organisation, week by week, through the same code as the present."""

import json
import urllib.request
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from inventory.models import Organization
from posture import tasks
from posture.actions import HISTORY
from posture.management import demonstration, exceptions, register
from posture.management.commands.collect import sentence, wait
from posture.models import RollupState
from posture.policies import sign_in

STEP = timedelta(days=7)
_TODAY = "today"


class Command(BaseCommand):
    help = "Demo only: move the sandbox through its past and collect it week by week."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--weeks", type=int, default=26)

    def handle(self, **options: Any) -> None:
        if not sign_in.is_demo_on():
            raise CommandError(
                "Only a sandbox has a past to go to: set POSTURE_DEMO=1 and AWS_ENDPOINT_URL."
            )
        now = timezone.now()
        self._weeks: int = options["weeks"]
        self._install_day = now.date()
        moments = [now - STEP * week for week in range(options["weeks"], 0, -1)]
        done = RollupState.objects.filter(name="scores").first()
        if done is not None:
            # Goes on where an interrupted past ended; the day that was being collected is done again.
            moments = [moment for moment in moments if moment.date() > done.day]
        RollupState.objects.update_or_create(
            name=HISTORY, defaults={"day": now.date(), "as_of": now}
        )
        try:
            for number, moment in enumerate(moments, start=1):
                self._collect(moment, f"week {number} of {len(moments)}")
            move_clock(None)
            self._collect(timezone.now(), _TODAY)
        finally:
            move_clock(None)
        RollupState.objects.filter(name=HISTORY).delete()

    def _collect(self, moment: datetime, title: str) -> None:
        if moment < timezone.now() - timedelta(hours=1):
            move_clock(moment)
        is_today = title == _TODAY
        # What is of the install day itself comes after its collection.
        before = moment.replace(hour=0, minute=0, second=0, microsecond=0) if is_today else moment
        self._play(since=moment - STEP, until=before)
        started = tasks.begin(as_of=moment, requested_by="manage.py", is_full=True)
        if started is None:
            raise CommandError("Another collection is going on: wait until it has ended.")
        self.stdout.write(f"{title}: {sentence(wait(started, timeout=600))}")
        self.stdout.flush()
        for organization in Organization.objects.order_by("pk"):
            weeks_ago = round((timezone.now() - moment) / STEP)
            register.advance(
                organization, weeks_ago=weeks_ago, first_weeks_ago=self._weeks, now=moment
            )
            demonstration.live(organization, now=moment, is_past=not is_today)
        if is_today:
            self._play(since=moment, until=timezone.now())
        send_denials(STEP)

    def _play(self, *, since: datetime, until: datetime) -> None:
        for organization in Organization.objects.order_by("pk"):
            played = exceptions.play(
                organization, since=since, until=until, install_day=self._install_day
            )
            for words in played.missed:
                self.stderr.write(f"not done in the story of exceptions: {words}")


def move_clock(moment: datetime | None) -> None:
    """Set the sandbox's clock; None lets it follow the real one again."""
    _ask("clock", {"now": moment.isoformat() if moment else None})


def send_denials(past: timedelta) -> None:
    """Let the sandbox put into the event queue what was denied in the time before its clock."""
    _ask("denials", {"hours": past // timedelta(hours=1)})


def _ask(control: str, body: dict[str, Any]) -> None:
    request = urllib.request.Request(  # noqa: S310 (the endpoint is the sandbox on loopback)
        f"{settings.AWS_ENDPOINT_URL}/_sandbox/{control}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        answer.read()
