"""Demo users, at least one for each role, and what they have done so far; never beside a real organisation."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

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
    ("yusuf", "Yusuf Demir", "CISO"),
    ("helene", "Helene Caron", "System owner"),
    ("gareth", "Gareth Pryce", "System owner"),
    ("rosa", "Rosa Klein", "Platform engineer"),
    ("dan", "Dan Kessler", "Team member"),
    ("lena", "Lena Vogt", "Team member"),
    ("owen", "Owen Brady", "Team member"),
    ("nadia", "Nadia Benali", "Team member"),
    ("aisha", "Aisha Bello", "Auditor"),
    ("admin", "Noor Haddad", "Administrator"),
)
# Whose accounts they see; the others see the whole organisation.
TEAMS: Final[Mapping[str, tuple[str, ...]]] = {
    "dan": ("payments-core",),
    "lena": ("data-platform",),
    "owen": ("digital-commerce",),
    "nadia": ("northwick",),
    "helene": ("payments-core", "data-platform"),
    "gareth": ("digital-commerce", "northwick"),
}


class Command(BaseCommand):
    help = "Demo only: create users for each role, with the password POSTURE_DEMO_PASSWORD."

    def handle(self, **options: Any) -> None:
        if not sign_in.is_demo_on():
            raise CommandError("Demo users are only for the sandbox: set POSTURE_DEMO=1.")
        if not settings.POSTURE_DEMO_PASSWORD:
            raise CommandError("Set POSTURE_DEMO_PASSWORD to the password of the demo users.")
        with transaction.atomic():
            for row in USERS:
                seed_user(*row, password=settings.POSTURE_DEMO_PASSWORD)
            for username, slugs in TEAMS.items():
                join(User.objects.get(username=username), slugs)
        for organization in Organization.objects.order_by("pk"):
            demonstration.live(organization, now=timezone.now(), is_past=False)
        for username, name, role in USERS:
            self.stdout.write(f"{username:<8} {role}: {name}")


def join(user: User, slugs: Iterable[str]) -> None:
    """Make somebody a member of these teams, which need not have accounts yet."""
    for slug in slugs:
        team, _ = Team.objects.get_or_create(slug=slug, defaults={"name": slug})
        TeamMembership.objects.get_or_create(team=team, user=user)


def seed_user(username: str, name: str, role: str, *, password: str) -> User:
    """The user in that one role; the groups of the roles are there since the migrations ran."""
    group = Group.objects.get(name=role)
    first, _, last = name.partition(" ")
    # Of a domain that nobody can have: what is sent comes to the demo's mailbox.
    email = f"{first}.{last}@halden.example".lower()
    user, is_new = User.objects.get_or_create(
        username=username, defaults={"first_name": first, "last_name": last}
    )
    if is_new or user.email != email or not user.check_password(password):
        user.email = email
        user.set_password(password)
        user.save()
    user.groups.set([group])
    # Nobody of these can sign in outside the demo.
    Profile.objects.update_or_create(user=user, defaults={"is_demo": True})
    return user
