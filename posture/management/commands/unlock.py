"""Lets somebody in again who was locked out after too many failed attempts."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from posture.actions.sign_in import attempts, records


class Command(BaseCommand):
    help = "Forget the failed attempts to sign in as NAME, from all addresses."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", metavar="NAME")

    def handle(self, **options: Any) -> None:
        name = options["username"]
        count = attempts.unlock(name)
        user = User.objects.filter(username__iexact=name).first()
        if user is not None:
            attempts.unlock_second_factor(user)
        records.note("unlock", name, now=timezone.now(), rows=count)
        found = f"{count} counts of failed attempts" if count else "No failed attempts"
        self.stdout.write(f"{found} as {name}: unlocked, if that is a user's name.")
