from typing import TYPE_CHECKING, Self

from django.db import models

from findings.models import Area, Control
from inventory import access
from inventory.models import Account, OrganizationalUnit

if TYPE_CHECKING:
    from inventory.access import AnyUser


def _amount() -> "models.DecimalField[object, object]":
    return models.DecimalField(max_digits=28, decimal_places=12, default=0)


class Sums(models.Model):
    """The numerators and denominators of posture.scoring, which simply add, and counts beside them."""

    managed_n = _amount()
    managed_d = _amount()
    raw_n = _amount()
    raw_d = _amount()
    coverage_n = _amount()
    coverage_d = _amount()
    exception_n = _amount()
    exception_d = _amount()
    failed = models.PositiveIntegerField(default=0)  # failing (resource, control) pairs, scored
    # Open findings by severity, of scored controls and accounts or not: as in the findings list.
    open_critical = models.PositiveIntegerField(default=0)
    open_high = models.PositiveIntegerField(default=0)
    open_medium = models.PositiveIntegerField(default=0)
    open_low = models.PositiveIntegerField(default=0)
    overdue_critical = models.PositiveIntegerField(default=0)
    overdue_high = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True


class AccountDayQuerySet(models.QuerySet["AccountDay"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self.filter(access.accounts(user, prefix="account__"))


class AccountDay(Sums):
    """An account at the end of a day, in one area ("" is all of them), in the OU of that day."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, db_index=False)
    ou = models.ForeignKey(OrganizationalUnit, on_delete=models.PROTECT)
    day = models.DateField()
    area = models.CharField(max_length=20, choices=Area.choices, blank=True)
    # Whether it counts in the score of its OU: ACTIVE, not in a suspended OU, and past its first days.
    is_scored = models.BooleanField(default=True)
    # As of the day, so that no later change rewrites it. A key only: the team may be gone by now.
    team_key = models.BigIntegerField(default=0)  # 0 is none
    criticality = models.PositiveSmallIntegerField(default=1)

    objects = models.Manager.from_queryset(AccountDayQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "area", "day"], name="posture_accountday_unique"
            )
        ]
        indexes = [
            # The roll-up into OUs, and the accounts of an OU on a day.
            models.Index(fields=["day", "area", "ou"], name="posture_accountday_day"),
            # The roll-up by owner.
            models.Index(
                fields=["team_key", "day"],
                condition=models.Q(area=""),
                name="posture_accountday_team",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.day} {self.area}"


class OuDayQuerySet(models.QuerySet["OuDay"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self.filter(access.ous(user, prefix="ou__"))


class OuDay(Sums):
    """An OU with everything below it at the end of a day: the sum of its scored accounts."""

    ou = models.ForeignKey(OrganizationalUnit, on_delete=models.CASCADE, db_index=False)
    day = models.DateField()
    area = models.CharField(max_length=20, choices=Area.choices, blank=True)
    accounts = models.PositiveIntegerField(default=0)  # scored
    # Of those, with a managed score: what the gates divide by.
    accounts_evaluated = models.PositiveIntegerField(default=0)
    accounts_total = models.PositiveIntegerField(default=0)
    # Accounts with at least one finding past its due date: what the gates look at.
    accounts_overdue_critical = models.PositiveIntegerField(default=0)
    accounts_overdue_high = models.PositiveIntegerField(default=0)

    objects = models.Manager.from_queryset(OuDayQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ou", "area", "day"], name="posture_ouday_unique")
        ]
        indexes = [models.Index(fields=["day", "area"], name="posture_ouday_day")]

    def __str__(self) -> str:
        return f"{self.ou_id} {self.day} {self.area}"


class OuControlQuerySet(models.QuerySet["OuControl"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self.filter(access.ous(user, prefix="ou__"))


class OuControl(models.Model):
    """How an OU with everything below it does on one control now; scored accounts only."""

    ou = models.ForeignKey(OrganizationalUnit, on_delete=models.CASCADE, db_index=False)
    control = models.ForeignKey(Control, on_delete=models.CASCADE)
    passed = models.PositiveIntegerField()
    failed = models.PositiveIntegerField()
    excepted = models.PositiveIntegerField()
    unknown = models.PositiveIntegerField()
    accounts_failing = models.PositiveIntegerField()
    accounts = models.PositiveIntegerField()  # with a cell that is evaluated
    # Sum over accounts of weight * criticality * (1 - pass rate): what fixing it all would give back.
    lost_weight = models.DecimalField(max_digits=28, decimal_places=12)
    overdue = models.PositiveIntegerField(default=0)

    objects = models.Manager.from_queryset(OuControlQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ou", "control"], name="posture_oucontrol_unique")
        ]
        indexes = [
            # Top failing controls of a scorecard.
            models.Index(fields=["ou", "-lost_weight", "control"], name="posture_oucontrol_lost")
        ]

    def __str__(self) -> str:
        return f"{self.ou_id} {self.control_id}"


class RollupState(models.Model):
    """How far a rollup is: pages say from it how fresh their numbers are."""

    name = models.CharField(max_length=40, unique=True)
    day = models.DateField()
    as_of = models.DateTimeField()
    # A hash of the accounts, OUs and controls that the rows of the day were made from.
    inventory = models.CharField(max_length=32, blank=True)

    def __str__(self) -> str:
        return self.name
