"""Counts all findings anew."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from findings import rollups


class Command(BaseCommand):
    help = (
        "Count all findings anew, should the numbers of the findings list ever disagree with its"
        " rows. Safe at any time; the list waits while it runs, which takes a minute or two for"
        " millions of findings."
    )

    def handle(self, **options: Any) -> None:
        rows = rollups.rebuild_counts(now=timezone.now())
        self.stdout.write(f"Counted all findings anew: {rows:,} different kinds.")
