"""Writes invariants for other tools: plain policies, Terraform, CloudFormation."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from invariants.models import Invariant
from invariants.queries import exporting
from inventory.queries import tree


class Command(BaseCommand):
    help = "Write one invariant, or all enforced ones packed into few policies."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("keys", nargs="*", help="which; none: all enforced ones, packed")
        parser.add_argument("--form", choices=sorted(exporting.FORMS), default="terraform")
        parser.add_argument("--to", type=Path, help="a folder; left out: the terminal")

    def handle(self, **options: Any) -> None:
        try:
            files = self._files(options["keys"], options["form"])
        except exporting.NotExportable as error:
            raise CommandError(f"{error}.") from error
        for file in files:
            if options["to"] is None:
                sys.stdout.write(file.text)
                continue
            options["to"].mkdir(parents=True, exist_ok=True)
            path = options["to"] / file.name
            path.write_text(file.text, encoding="utf-8")
            self.stdout.write(f"{path} written")

    def _files(self, keys: list[str], form: str) -> list[exporting.File]:
        organization = tree.organization()
        if organization is None:
            raise CommandError("There is no organisation yet: collect first (`manage.py collect`).")
        if not keys:
            return [exporting.pack(organization, form)]
        found = {i.key: i for i in Invariant.objects.live().filter(organization=organization)}
        if unknown := [key for key in keys if key not in found]:
            raise CommandError(f"There is no invariant {', '.join(unknown)} in the catalogue.")
        return [exporting.export(found[key], form) for key in keys]
