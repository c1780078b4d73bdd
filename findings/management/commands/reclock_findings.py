"""Gives open findings their due dates by today's rules."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from findings import clocks, ingest


class Command(BaseCommand):
    help = (
        "Give open findings their due dates by the rules as they are now: those that still have "
        "another version of the rules, or --all. Doing it again is harmless."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="also those of this version")

    def handle(self, **options: Any) -> None:
        work = ingest.reclock_all if options["all"] else ingest.reclock_outdated
        try:
            changed = work(beat=lambda done: self.stdout.write(f"{done} findings looked at"))
        except clocks.BadClocks as e:
            raise CommandError(str(e)) from e
        self.stdout.write(f"{changed} open findings have another due date now.")
