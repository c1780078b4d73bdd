"""Writes every stored secret anew under the newest key, so that the old keys can go."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from posture.actions import sealed
from posture.policies import sealing


class Command(BaseCommand):
    help = "Seal every stored secret (second factors, webhooks) under the first of POSTURE_SEALING_KEYS."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--new-key",
            action="store_true",
            help="only print a new key: put it first in POSTURE_SEALING_KEYS, then run this again",
        )

    def handle(self, **options: Any) -> None:
        if options["new_key"]:
            self.stdout.write(sealing.new_key())
            return
        try:
            done = sealed.reseal()
        except sealing.BadKey as error:
            raise CommandError(f"POSTURE_SEALING_KEYS: {error}.") from error
        self.stdout.write(f"{done.written} sealed anew, {done.kept} were under the newest key.")
        if done.unreadable:
            names = ", ".join(done.unreadable)
            raise CommandError(
                f"No key opens {names}. Put the key that sealed them back into POSTURE_SEALING_KEYS and "
                "run this again; or reset the second factors, and rotate the webhooks' secrets."
            )
        self.stdout.write("Keys other than the first are needed no more.")
