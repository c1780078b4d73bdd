"""Print or check docs/iam-policy.json, the IAM policies of the roles that we use."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from inventory.aws import permissions

if TYPE_CHECKING:
    from argparse import ArgumentParser

PATH = "docs/iam-policy.json"
# Every package whose modules declare PERMISSIONS beside their calls.
PACKAGES = ("inventory.sources", "findings.sources", "invariants.sources")


def render() -> str:
    """Return the file as it should be."""
    documents = permissions.build(permissions.discover(PACKAGES))
    return json.dumps(documents, indent=2) + "\n"


class Command(BaseCommand):
    """Build the policies from the code, so that neither has a permission that the other lacks."""

    # The file depends on the code alone: no database, no secrets.
    requires_system_checks = ()
    help = f"Write {PATH} from the permissions that the sources declare."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add --check and --print."""
        group = parser.add_mutually_exclusive_group()
        group.add_argument("--check", action="store_true", help="write nothing, fail if it differs")
        group.add_argument("--print", action="store_true", help="write to standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked.

        :raises CommandError: with --check, where the file is out of step
        """
        path = settings.BASE_DIR / PATH
        text = render()
        if options["print"]:
            self.stdout.write(text, ending="")
            return
        if options["check"]:
            if not path.exists() or path.read_text() != text:
                message = f"{PATH} is out of step with the code: run `manage.py iam_policy`."
                raise CommandError(message)
            self.stdout.write(f"{PATH} is in step.")
            return
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        self.stdout.write(f"Wrote {PATH}.")
