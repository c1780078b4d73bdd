"""Counts all cells, and adds up the rows of today, anew."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from posture import rollups


class Command(BaseCommand):
    help = (
        "Count how every account does on every control anew from all findings, and add up the scores"
        " of today from that, should they ever disagree. Days that are over stay as they are. Safe at"
        " any time; rollups wait while it runs."
    )

    def handle(self, **options: Any) -> None:
        try:
            wrong = rollups.rebuild_cells(now=timezone.now(), with_sums=True)
        except ValueError as error:
            raise CommandError(
                f"{error}: nothing was changed. Is the clock of this machine right?"
            ) from error
        self.stdout.write(
            f"Counted all cells anew: {wrong:,} had been wrong. The scores of today are added up anew."
        )
