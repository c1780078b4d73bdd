from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models.functions import Now

from inventory import access
from inventory.models.access import Team
from inventory.models.organizations import Organization, OrganizationalUnit

if TYPE_CHECKING:
    from inventory.access import AnyUser


class AccountState(models.TextChoices):
    """Account.State of AWS Organizations."""

    PENDING_ACTIVATION = "PENDING_ACTIVATION", "pending activation"
    ACTIVE = "ACTIVE", "active"
    SUSPENDED = "SUSPENDED", "suspended"
    PENDING_CLOSURE = "PENDING_CLOSURE", "pending closure"
    CLOSED = "CLOSED", "closed"


class AccountQuerySet(models.QuerySet["Account"]):
    def live(self) -> Self:
        """Still listed by the organisation."""
        return self.filter(gone_at=None)

    def scored(self) -> Self:
        """Live, ACTIVE and not in an OU whose role keeps it out of the scores."""
        return self.live().filter(state=AccountState.ACTIVE).exclude(ou__role="SUSPENDED")

    def under(self, ou: OrganizationalUnit) -> Self:
        return self.filter(ou__path__startswith=ou.path)

    def visible_to(self, user: "AnyUser") -> Self:
        return self.filter(access.accounts(user, prefix=""))


class Account(models.Model):
    State = AccountState

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT)
    account_id = models.CharField(max_length=12)
    arn = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=100)
    email = models.CharField(max_length=254, blank=True)
    state = models.CharField(max_length=20, choices=AccountState.choices)
    joined_at = models.DateTimeField(null=True)
    joined_method = models.CharField(max_length=20, blank=True)
    ou = models.ForeignKey(OrganizationalUnit, on_delete=models.PROTECT)
    tags = models.JSONField(default=dict)
    environment = models.CharField(max_length=40, blank=True)
    # k_a of the scoring model (kpis.md 4.2): how much the account weighs in its OU.
    criticality = models.PositiveSmallIntegerField(default=1)
    team = models.ForeignKey(Team, null=True, on_delete=models.SET_NULL)
    gone_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(AccountQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "account_id"], name="inventory_account_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(account_id__regex=r"^\d{12}$"),
                name="inventory_account_id_is_12_digits",
            ),
            models.CheckConstraint(
                condition=models.Q(criticality__gte=1), name="inventory_account_criticality"
            ),
        ]

    def __str__(self) -> str:
        return self.account_id


class Placement(models.Model):
    """Where an account was: in `ou` from `since` on, before `until` (a day, exclusive; None is now)."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="placements")
    ou = models.ForeignKey(OrganizationalUnit, on_delete=models.PROTECT)
    since = models.DateField()
    until = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "since"], name="inventory_placement_unique"),
            models.UniqueConstraint(
                fields=["account"],
                condition=models.Q(until=None),
                name="inventory_placement_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(until=None) | models.Q(until__gt=models.F("since")),
                name="inventory_placement_since_before_until",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} in {self.ou_id} since {self.since}"


class AccountFact(models.Model):
    """One thing known of an account (in a Region, or "" for the whole account), and how well known.

    A fact that AWS refused to tell is a row with its state, never a missing row.
    """

    class State(models.TextChoices):
        KNOWN = "KNOWN", "known"
        DENIED = "DENIED", "denied"
        UNAVAILABLE = "UNAVAILABLE", "unavailable"

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="facts")
    region = models.CharField(max_length=32, blank=True)
    key = models.CharField(max_length=60)
    value = models.JSONField(null=True)
    state = models.CharField(max_length=12, choices=State.choices)
    # The IAM action that was refused, where that is the reason why nothing is known.
    missing_permission = models.CharField(max_length=120, blank=True)
    as_of = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            # One fact of all accounts: what a KPI is filled from.
            models.Index(fields=["key", "account"], name="inventory_accountfact_key")
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "region", "key"], name="inventory_accountfact_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.region} {self.key}"
