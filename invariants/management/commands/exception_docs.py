"""Writes docs/exceptions.md from the table of steps."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from invariants.policies.exceptions import page


class Command(BaseCommand):
    # The file depends on the code alone: no database, no secrets.
    requires_system_checks = ()
    help = "Write docs/exceptions.md anew from invariants/policies/exceptions."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="fail where the file is out of step"
        )

    def handle(self, **options: Any) -> None:
        path = Path(settings.BASE_DIR) / "docs" / "exceptions.md"
        text = page.render()
        if options["check"]:
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                raise CommandError(
                    "docs/exceptions.md is out of step: run `manage.py exception_docs`."
                )
            return
        path.write_text(text, encoding="utf-8")
        self.stdout.write(f"{path} written")
