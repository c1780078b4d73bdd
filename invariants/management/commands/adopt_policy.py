"""Drafts an invariant from a policy that is in AWS."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from invariants.queries import exporting
from inventory.models import OrgPolicy


class Command(BaseCommand):
    help = "Write the draft of an invariant for a policy that was read from AWS."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("policy", help="the policy's id (p-…) or its name")
        parser.add_argument("--to", type=Path, help="a folder; left out: the terminal")

    def handle(self, **options: Any) -> None:
        live = OrgPolicy.objects.filter(gone_at=None).order_by("pk")
        wanted = options["policy"]
        found = live.filter(policy_id=wanted).first() or live.filter(name=wanted).first()
        if found is None:
            raise CommandError(f"No policy {wanted} has been read from AWS: collect first.")
        try:
            draft = exporting.draft_of(found)
        except exporting.NotImportable as error:
            raise CommandError(f"{error}.") from error
        if options["to"] is None:
            sys.stdout.write(draft.text)
            return
        options["to"].mkdir(parents=True, exist_ok=True)
        path = options["to"] / draft.file_name
        if path.exists():
            raise CommandError(f"{path} is there already: it is not overwritten.")
        path.write_text(draft.text, encoding="utf-8")
        fields = ", ".join(exporting.to_write(draft))
        self.stdout.write(f"{path} written; to be written by a person: {fields}")
