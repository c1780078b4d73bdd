from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from inventory.models import Team


class GroupMapping(models.Model):
    """What a group of the identity provider gives: a role, or the place in a team."""

    # As the provider writes it: a name or an id, in its case.
    group = models.CharField(max_length=250)
    role = models.ForeignKey(Group, null=True, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="+")
    added_by = models.CharField(max_length=150)
    added_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["group", "role", "team"],
                nulls_distinct=False,
                name="posture_groupmapping_unique",
            ),
            models.CheckConstraint(
                condition=Q(role__isnull=False, team=None) | Q(role=None, team__isnull=False),
                name="posture_groupmapping_gives_one",
            ),
            models.CheckConstraint(condition=~Q(group=""), name="posture_groupmapping_named"),
        ]

    def __str__(self) -> str:
        return f"{self.group}: role {self.role_id}, team {self.team_id}"


class SeenGroup(models.Model):
    """A group that the identity provider named when somebody signed in, mapped or not."""

    name = models.CharField(max_length=250, unique=True)
    last_seen_at = models.DateTimeField()

    class Meta:
        indexes = [
            # The page of groups shows the latest; those long gone are forgotten.
            models.Index(fields=["-last_seen_at", "name"], name="posture_seengroup_latest")
        ]

    def __str__(self) -> str:
        return self.name


class ProviderSignIn(models.Model):
    """The last word of the identity provider on a person; who has none never came from there."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="provider_sign_in",
    )
    provider = models.CharField(max_length=200)
    # Those that can be mapped, sorted.
    groups = ArrayField(models.CharField(max_length=250), default=list)
    # Null for somebody who was linked by hand and has not come yet.
    signed_in_at = models.DateTimeField(null=True)
    # Set when the person came last and was refused; null since they were let in again.
    refused_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.user_id} by {self.provider}"
