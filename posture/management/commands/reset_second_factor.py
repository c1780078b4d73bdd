"""For somebody who has lost their passkeys, their authenticator app and their recovery codes."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from posture.actions.sign_in import accounts


class Command(BaseCommand):
    help = "Remove NAME's passkeys, authenticator app and recovery codes, and sign them out."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", metavar="NAME")

    def handle(self, **options: Any) -> None:
        user = User.objects.filter(username__iexact=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['username']}.")
        count = accounts.reset_second_factor(user, now=timezone.now())
        self.stdout.write(
            f"{count} removed. {user.get_username()} is signed out, and is led to set up a second "
            "factor after the next sign-in with the password."
        )
