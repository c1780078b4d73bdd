"""The first person of an installation: an administrator, who then makes the others."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from posture.actions.sign_in import accounts

ROLE = "Administrator"


class Command(BaseCommand):
    help = "Create a person with the role Administrator and print a password for the first sign-in, once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="what the person signs in with")
        parser.add_argument("--name", default="", help="first and last name")
        parser.add_argument("--email", default="", help="for a forgotten password, and for notices")
        parser.add_argument(
            "--role", action="append", default=[], help="a further role, such as 'Security lead'"
        )

    def handle(self, **options: Any) -> None:
        try:
            password = accounts.create_local(
                options["username"],
                name=options["name"],
                email=options["email"],
                role_names=[ROLE, *options["role"]],
                now=timezone.now(),
            )
        except accounts.BadAccount as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{options['username']} can sign in with this password:\n\n  {password}\n"
        )
        self.stdout.write(
            "It is shown only now. At the first sign-in a second factor has to be set up (a passkey or "
            "an authenticator app); then change the password under “Your sign-in”."
        )
