"""Writes docs/life-cycle.md from the table of steps."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from invariants.policies import life_cycle_page


class Command(BaseCommand):
    # The file depends on the code alone: no database, no secrets.
    requires_system_checks = ()
    help = "Write docs/life-cycle.md anew from invariants/policies/life_cycle.py."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="fail where the file is out of step"
        )

    def handle(self, **options: Any) -> None:
        path = Path(settings.BASE_DIR) / "docs" / "life-cycle.md"
        text = life_cycle_page.render()
        if options["check"]:
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                raise CommandError(
                    "docs/life-cycle.md is out of step: run `manage.py life_cycle_docs`."
                )
            return
        path.write_text(text, encoding="utf-8")
        self.stdout.write(f"{path} written")
