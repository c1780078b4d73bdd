"""Imports CISA's Vulnrichment: whether a CVE can be exploited automatically, and with what impact."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from findings import clocks, ingest
from findings.sources import cisa

BATCH: Final = 1000
SHOWN: Final = 5


class Command(BaseCommand):
    help = (
        "Import CVE records of CISA's Vulnrichment (JSON, or .json.gz; a folder with all below it), "
        "and give the open findings that name these CVEs their due dates anew. Importing them again "
        "is harmless."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", type=Path, nargs="+", metavar="FILE-OR-FOLDER")

    def handle(self, *, paths: list[Path], **_: Any) -> None:
        self.read = self.decided = self.changed = self.reclocked = 0
        self.refused: list[str] = []
        batch: list[cisa.Decision] = []
        for file in files_below(paths):
            decision = self.decision_of(file)
            self.read += 1
            if decision:
                batch.append(decision)
            if len(batch) >= BATCH:
                self.store(batch)
        self.store(batch)
        self.stdout.write(
            f"{self.read} files read: {self.decided} with a decision of CISA, {self.changed} new or "
            f"changed; {self.reclocked} open findings have another due date now."
        )
        if self.refused:
            more = len(self.refused) - SHOWN
            lines = self.refused[:SHOWN] + ([f"... and {more} more"] if more > 0 else [])
            raise CommandError(
                "\n".join([f"{len(self.refused)} files were refused; the others are in:", *lines])
            )

    def decision_of(self, file: Path) -> cisa.Decision | None:
        try:
            return cisa.parse_vulnrichment(cisa.load(file))
        except cisa.WrongFile as e:
            self.refused.append(f"{file}: {e}")
            return None

    def store(self, batch: list[cisa.Decision]) -> None:
        changed = ingest.store_decisions(batch, now=timezone.now())
        try:
            self.reclocked += ingest.reclock_named(changed)
        except clocks.BadClocks as e:
            raise CommandError(str(e)) from e
        self.decided, self.changed = self.decided + len(batch), self.changed + len(changed)
        batch.clear()
        self.stdout.write(f"{self.read} files read")


def files_below(paths: list[Path]) -> Iterator[Path]:
    """Yield the files themselves, and the CVE records below the folders.

    :raises CommandError: a path that is not there, or a folder without a record.
    """
    for path in paths:
        if path.is_dir():
            found = sorted({*path.rglob("CVE-*.json"), *path.rglob("CVE-*.json.gz")})
            if not found:
                raise CommandError(
                    f"{path}: no CVE-*.json below it. Name a folder of {cisa.VULNRICHMENT_URL}."
                )
            yield from found
        elif path.exists():
            yield path
        else:
            raise CommandError(f"{path}: is not there. Name a file or a folder.")
