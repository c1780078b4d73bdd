"""Demo users, one for each role, and what they have done so far; never beside a real organisation."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, Permission, User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from inventory.models import Organization, Team, TeamMembership
from posture.management import demonstration

EVERYTHING = "see_whole_organization"
COLLECT = "collect_now"
IMPORT = "import_findings"
TRIAGE = "triage"
ATTEST = "attest"
READ, EDIT, PUBLISH = "read_reviews", "edit_reviews", "publish_reviews"
RECIPIENTS = "manage_recipients"
# User, name, role, permissions of the role.
USERS = (
    (
        "priya",
        "Priya Raman",
        "Security engineer",
        (EVERYTHING, COLLECT, IMPORT, TRIAGE, ATTEST, READ, EDIT),
    ),
    (
        "marta",
        "Marta Ruiz",
        "Security lead",
        (EVERYTHING, COLLECT, IMPORT, TRIAGE, ATTEST, READ, EDIT, PUBLISH, RECIPIENTS),
    ),
    ("edward", "Edward Lang", "Executive", (EVERYTHING, READ)),
    ("dan", "Dan Kessler", "Team member", (ATTEST,)),
    ("aisha", "Aisha Bello", "Auditor", (EVERYTHING, READ)),
    ("admin", "Noor Haddad", "Administrator", (EVERYTHING, COLLECT, IMPORT, TRIAGE, RECIPIENTS)),
)
TEAM = "payments-core"


class Command(BaseCommand):
    help = "Demo only: create one user for each role, with the password POSTURE_DEMO_PASSWORD."

    def handle(self, **options: Any) -> None:
        if not (settings.POSTURE_DEMO and settings.AWS_ENDPOINT_URL):
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
        for username, name, role, _ in USERS:
            self.stdout.write(f"{username:<8} {role}: {name}")


def seed_user(
    username: str, name: str, role: str, permissions: tuple[str, ...], *, password: str
) -> User:
    group, _ = Group.objects.get_or_create(name=role)
    group.permissions.set(
        Permission.objects.filter(
            content_type__app_label__in=("inventory", "findings", "posture"),
            codename__in=permissions,
        )
    )
    first, _, last = name.partition(" ")
    user, is_new = User.objects.get_or_create(
        username=username, defaults={"first_name": first, "last_name": last}
    )
    if is_new or not user.check_password(password):
        user.set_password(password)
        user.save()
    user.groups.set([group])
    return user
