"""Imports CISA's catalogue of known exploited vulnerabilities."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from findings import clocks, ingest
from findings.sources import cisa


class Command(BaseCommand):
    help = (
        "Import CISA's KEV catalogue (known_exploited_vulnerabilities.json, or .json.gz), and give "
        "the open findings that name its CVEs their due dates anew. Importing it again is harmless."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the catalogue, as JSON")

    def handle(self, *, file: Path, **_: Any) -> None:
        try:
            catalogue = cisa.parse_kev(cisa.load(file))
            was_there = ingest.has_catalogue()
            changed = ingest.store_exploited(catalogue, now=timezone.now())
            # Until the first catalogue vulnerabilities go by their severity: all of them move then.
            reclocked = ingest.reclock_named(changed) if was_there else ingest.reclock_vulnerable()
        except (cisa.WrongFile, clocks.BadClocks) as e:
            raise CommandError(f"{file}: {e}") from e
        self.stdout.write(
            f"{len(catalogue)} exploited vulnerabilities, {len(changed)} new or changed; "
            f"{reclocked} open findings have another due date now."
        )
