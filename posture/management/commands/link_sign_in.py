"""For somebody who had a local account before the identity provider came."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from posture.actions.sign_in import providers


class Command(BaseCommand):
    help = (
        "Let the identity provider sign NAME in. The password, passkeys and app of NAME are removed, and "
        "what the account may do stays."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", metavar="NAME")
        parser.add_argument("--provider", choices=["oidc", "saml"], required=True)
        parser.add_argument(
            "--subject", required=True, help="the provider's subject (sub) or NameID of the person"
        )

    def handle(self, **options: Any) -> None:
        user = User.objects.filter(username__iexact=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['username']}.")
        try:
            providers.link(
                user,
                provider=options["provider"],
                subject=options["subject"],
                now=timezone.now(),
            )
        except providers.BadLink as e:
            raise CommandError(str(e)) from e
        self.stdout.write(
            f"{user.get_username()} signs in by {options['provider']} from now on, and is signed out here."
        )
