"""Demo users, one for each role, and what they have done so far; never beside a real organisation."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from inventory.models import Organization, Team, TeamMembership
from posture.management import demonstration
from posture.models import Profile
from posture.policies import sign_in

# User, name, role.
USERS = (
    ("priya", "Priya Raman", "Security engineer"),
    ("marta", "Marta Ruiz", "Security lead"),
    ("edward", "Edward Lang", "Executive"),
    ("dan", "Dan Kessler", "Team member"),
    ("aisha", "Aisha Bello", "Auditor"),
    ("admin", "Noor Haddad", "Administrator"),
)
TEAM = "payments-core"


class Command(BaseCommand):
    help = "Demo only: create one user for each role, with the password POSTURE_DEMO_PASSWORD."

    def handle(self, **options: Any) -> None:
        if not sign_in.is_demo_on():
            raise CommandError("Demo users are only for the sandbox: set POSTURE_DEMO=1.")
        if not settings.POSTURE_DEMO_PASSWORD:
            raise CommandError("Set POSTURE_DEMO_PASSWORD to the password of the demo users.")
        with transaction.atomic():
            for row in USERS:
                seed_user(*row, password=settings.POSTURE_DEMO_PASSWORD)
            team, _ = Team.objects.get_or_create(slug=TEAM, defaults={"name": TEAM})
            TeamMembership.objects.get_or_create(team=team, user=User.objects.get(username="dan"))
        for organization in Organization.objects.order_by("pk"):
            demonstration.live(organization, now=timezone.now(), is_past=False)
        for username, name, role in USERS:
            self.stdout.write(f"{username:<8} {role}: {name}")


def seed_user(username: str, name: str, role: str, *, password: str) -> User:
    """The user in that one role; the groups of the roles are there since the migrations ran."""
    group = Group.objects.get(name=role)
    first, _, last = name.partition(" ")
    user, is_new = User.objects.get_or_create(
        username=username, defaults={"first_name": first, "last_name": last}
    )
    if is_new or not user.check_password(password):
        user.set_password(password)
        user.save()
    user.groups.set([group])
    # Nobody of these can sign in outside the demo.
    Profile.objects.update_or_create(user=user, defaults={"is_demo": True})
    return user
