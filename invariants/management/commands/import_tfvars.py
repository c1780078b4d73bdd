"""Drafts invariants from the policies that an org-kickstart tfvars names."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from invariants import catalog, imports
from invariants.models import Invariant


class Command(BaseCommand):
    help = "Write a draft of an invariant for each policy that a tfvars file names."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the tfvars")
        parser.add_argument("--to", type=Path, required=True, help="a folder for the drafts")

    def handle(self, **options: Any) -> None:
        file: Path = options["file"]
        taken = {record.id for record in catalog.load()}
        taken |= set(Invariant.objects.values_list("key", flat=True))
        try:
            text = file.read_text(encoding="utf-8")
            drafts = imports.from_tfvars(text, _reader(file.parent), taken=sorted(taken))
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} cannot be read: {error}") from error
        except imports.NotImportable as error:
            raise CommandError(f"{error}.") from error
        options["to"].mkdir(parents=True, exist_ok=True)
        for draft in drafts:
            path = options["to"] / draft.file_name
            if path.exists():
                raise CommandError(f"{path} is there already: it is not overwritten.")
            path.write_text(draft.text, encoding="utf-8")
            self.stdout.write(f"{path} written")


def _reader(folder: Path) -> imports.ReadFile:
    """Reads files that the tfvars names, from its own folder and what is below it."""

    def read(name: str) -> str:
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise OSError(1, "it is outside the folder of the tfvars", name)
        return path.read_text(encoding="utf-8")

    return read
