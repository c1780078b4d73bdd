"""Says from which day on an invariant counts below an OU."""

from datetime import date
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from invariants.actions import rollouts
from invariants.models import Invariant
from inventory.models import OrganizationalUnit


class Command(BaseCommand):
    help = "Let an invariant count below an OU from a day on; before, it is provisional there."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("invariant", help="its key, such as kms-delete")
        parser.add_argument("ou", help="the id of the root or an OU (r-…, ou-…)")
        parser.add_argument("--from", dest="day", type=_day, help="YYYY-MM-DD; left out: no date")
        parser.add_argument("--by", required=True, help="the user name of who decides it")
        parser.add_argument("--why", required=True, help="stands beside the date for everybody")

    def handle(self, **options: Any) -> None:
        invariant = Invariant.objects.live().filter(key=options["invariant"]).first()
        if invariant is None:
            raise CommandError(f"There is no invariant {options['invariant']}.")
        ou = OrganizationalUnit.objects.live().filter(ou_id=options["ou"]).first()
        if ou is None:
            raise CommandError(f"There is no OU {options['ou']}: its id begins with r- or ou-.")
        user = User.objects.filter(username=options["by"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {options['by']}.")
        try:
            self.stdout.write(_set(user, invariant, ou, options["day"], options["why"]))
        except rollouts.NotPlanned as error:
            raise CommandError(str(error)) from error


def _set(
    user: User, invariant: Invariant, ou: OrganizationalUnit, day: date | None, why: str
) -> str:
    where = ou.label or ou.name
    if day is None:
        is_gone = rollouts.withdraw(user, invariant, ou, why=why)
        said = "has no date of its own any more" if is_gone else "had no date of its own"
        return f"{invariant.key} {said} below {where}"
    rollouts.plan(user, invariant, ou, from_date=day, why=why, now=timezone.now())
    return f"{invariant.key} counts below {where} from {day} on"


def _day(text: str) -> date:
    return date.fromisoformat(text)
