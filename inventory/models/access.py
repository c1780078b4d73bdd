from django.conf import settings
from django.db import models


class Team(models.Model):
    """The owner of accounts, as the account tag `owner` names it."""

    slug = models.CharField(max_length=80, unique=True)
    name = models.CharField(max_length=120)

    class Meta:
        permissions = [
            # The roles of the security team and the executives carry it; without it a person sees
            # the accounts of their teams and the OUs granted to them.
            ("see_whole_organization", "Can see every account of the organisation"),
            ("collect_now", "Can start a collection"),
        ]

    def __str__(self) -> str:
        return self.slug


class TeamMembership(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="team_memberships"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="inventory_teammembership_unique")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id}"


class OuAccess(models.Model):
    """The user sees this OU and everything below it."""

    ou = models.ForeignKey("inventory.OrganizationalUnit", on_delete=models.CASCADE)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="ou_access"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ou", "user"], name="inventory_ouaccess_unique")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} sees {self.ou_id}"
