"""manage.py build_assets: make fonts and the icon sprite for collectstatic."""

import logging
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from posture import assets


class Command(BaseCommand):
    """Writes static/build/; takes about five seconds, and none when nothing changed."""

    help = "Subset the fonts and cut the icon sprite into static/build/ (skips when up to date)."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        # Its INFO lists every glyph.
        logging.getLogger("fontTools").setLevel(logging.WARNING)
        root = Path(settings.BASE_DIR)
        try:
            is_built = assets.build(templates=root / "templates", out=root / "static" / "build")
        except assets.UnknownIcon as error:
            raise CommandError(str(error)) from error
        self.stdout.write("static/build: built" if is_built else "static/build: up to date")
