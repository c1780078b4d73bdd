"""Writes docs/kpis.md from the cards of the KPIs."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from posture import kpis
from posture.kpis import document


class Command(BaseCommand):
    # The file depends on the code alone: no database, no secrets.
    requires_system_checks = ()
    help = "Write docs/kpis.md anew from posture/kpis/kpis.yaml."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="fail where the file is out of step"
        )

    def handle(self, **options: Any) -> None:
        path = Path(settings.BASE_DIR) / "docs" / "kpis.md"
        text = document.render(kpis.load())
        if options["check"]:
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                raise CommandError("docs/kpis.md is out of step: run `manage.py kpi_docs`.")
            return
        path.write_text(text, encoding="utf-8")
        self.stdout.write(f"{path} written")
