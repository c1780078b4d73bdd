"""Reads the catalogue's files into the database, or only says what is wrong with them."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from invariants.catalog import review
from invariants.ingest import catalogue
from invariants.models import CatalogLoad
from inventory.models import Organization


class Command(BaseCommand):
    help = "Load the shipped catalogue and the folders of POSTURE_CATALOG_FOLDERS."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="change nothing: say what is wrong with the files, and what their lint and probes find",
        )

    def handle(self, **options: Any) -> None:
        folders = [Path(folder) for folder in settings.POSTURE_CATALOG_FOLDERS]
        if options["check"]:
            self._check(folders)
            return
        organizations = list(Organization.objects.order_by("pk"))
        if not organizations:
            raise CommandError("There is no organisation yet: collect first (`manage.py collect`).")
        for organization in organizations:
            load = catalogue.load_catalogue(organization, folders=folders, now=timezone.now())
            self._say(organization, load)

    def _check(self, folders: list[Path]) -> None:
        found, problems = catalogue.read(folders)
        if found is None:
            raise CommandError("\n".join(map(str, problems)))
        remarks = review(found)
        self.stdout.writelines(f"{remark}\n" for remark in remarks)
        serious = sum(remark.is_serious for remark in remarks)
        self.stdout.write(f"{len(found)} invariants, {serious} to mend")
        if serious:
            raise CommandError(
                "The files can be loaded, but some policies do not do what they say."
            )

    def _say(self, organization: Organization, load: CatalogLoad | None) -> None:
        if load is None:
            self.stdout.write(f"{organization.label}: nothing is new")
        elif load.state == CatalogLoad.State.REFUSED:
            lines = (
                f"{p['file']}:{p['line']}: {p['message']}. {p['remedy']}" for p in load.problems
            )
            raise CommandError("\n".join([*lines, "What was loaded before holds on."]))
        else:
            told = ", ".join(f"{count} {name}" for name, count in load.counts.items())
            self.stdout.write(f"{organization.label}: {told}")
