"""Freezes weekly reviews by hand, as the schedule does every hour."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from posture import actions
from posture.rollups import reviews


class Command(BaseCommand):
    help = "Freeze every week that is over and has no review yet."

    def handle(self, **options: Any) -> None:
        if actions.is_history_under_way():
            raise CommandError("A past is being collected: wait for its end, then try again.")
        found = reviews.freeze_due(now=timezone.now())
        for review in found:
            day = review.data_day or "no data"
            self.stdout.write(f"{review} ({day}): {review.headline}")
        if not found:
            self.stdout.write("Every week that is over has its review.")
