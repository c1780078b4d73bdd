"""Exports the beginning of the audit log and removes it; the rest goes on from an anchor."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from posture.actions.audit import cutting

# What is younger is needed for the work itself.
YOUNGEST: Final = timedelta(days=90)


class Command(BaseCommand):
    help = (
        "Write the entries of the audit log from before a day (UTC) into a new file, and remove them "
        "from the database. The log stays verifiable: an anchor keeps the hash of the last one, and the "
        "file is checked by `verify_audit --file`. Keep the file where nobody can change it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--before", required=True, metavar="YYYY-MM-DD", help="a day 90 days ago or earlier"
        )
        parser.add_argument(
            "--to", required=True, type=Path, metavar="FILE", help="a file that is not there"
        )

    def handle(self, *, before: str, to: Path, **_: Any) -> None:
        now = timezone.now()
        try:
            moment = datetime.strptime(before, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError as e:
            raise CommandError(f"{before!r} is no day: write it as 2026-01-31.") from e
        if moment > now - YOUNGEST:
            raise CommandError("Entries of the last 90 days stay: name an earlier day.")
        try:
            done = cutting.cut(to, before=moment, now=now)
        except (cutting.Refused, OSError) as e:
            raise CommandError(str(e)) from e
        self.stdout.write(
            f"{done.entries} entries are in {to} (SHA-256 {done.file_hash}) and no longer in the "
            f"database. The log goes on from {done.anchor}."
        )
