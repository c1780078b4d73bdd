from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models

from inventory.models import Team


class ProvidedRole(models.Model):
    """A role that a person has by a group of the identity provider alone, as of their last sign-in.

    A role of the person without such a row was given by hand.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="provided_roles"
    )
    role = models.ForeignKey(Group, on_delete=models.CASCADE)
    # The provider's name of its group.
    by = models.CharField(max_length=250)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "role"], name="posture_providedrole_unique")
        ]

    def __str__(self) -> str:
        return f"{self.role_id} of {self.user_id} by {self.by}"


class ProvidedTeam(models.Model):
    """The same of a team that the person is in."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="provided_teams"
    )
    team = models.ForeignKey(Team, on_delete=models.CASCADE)
    by = models.CharField(max_length=250)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "team"], name="posture_providedteam_unique")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id} by {self.by}"
