"""The account for the day on which nobody can sign in otherwise."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from posture.actions.sign_in import accounts

ROLES = ("Administrator", "Security engineer")


class Command(BaseCommand):
    help = "Create the break-glass account NAME, or give it a new password, which is printed once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", metavar="NAME")
        parser.add_argument(
            "--role",
            action="append",
            default=[],
            help=f"what it may do; left out: {' and '.join(ROLES)}",
        )
        parser.add_argument(
            "--off", action="store_true", help="nobody can sign in with it any more"
        )

    def handle(self, **options: Any) -> None:
        name, now = options["username"], timezone.now()
        try:
            if options["off"]:
                accounts.switch_off_break_glass(name, now=now)
                self.stdout.write(f"{name} is switched off.")
                return
            roles = options["role"] or ROLES
            password = accounts.make_break_glass(name, role_names=roles, now=now)
        except accounts.BadAccount as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{name} signs in with this password:\n\n  {password}\n")
        self.stdout.write(
            "It is shown only now: put it into a safe. Who was signed in with it is signed out. Each use "
            "is announced on the pages and by mail to administrators, leads and auditors."
        )
