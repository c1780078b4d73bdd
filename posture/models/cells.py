from typing import TYPE_CHECKING, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from findings.models import Control
from inventory import access
from inventory.models import Account

if TYPE_CHECKING:
    from inventory.access import AnyUser


class CellQuerySet(models.QuerySet["Cell"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self.filter(access.accounts(user, prefix="account__"))


class Cell(models.Model):
    """How one account does on one control now, in distinct resources: the unit of every score."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    control = models.ForeignKey(Control, on_delete=models.CASCADE)
    passed = models.PositiveIntegerField()
    failed = models.PositiveIntegerField()
    excepted = models.PositiveIntegerField()
    unknown = models.PositiveIntegerField()
    overdue = models.PositiveIntegerField(default=0)  # of the failed ones

    objects = models.Manager.from_queryset(CellQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "control"], name="posture_cell_unique")
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.control_id}"


class CellDay(models.Model):
    """A cell at the end of a day on which it changed; it holds until the next row. All 0: it is gone."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, db_index=False)
    control = models.ForeignKey(Control, on_delete=models.CASCADE)
    day = models.DateField()
    passed = models.PositiveIntegerField()
    failed = models.PositiveIntegerField()
    excepted = models.PositiveIntegerField()
    unknown = models.PositiveIntegerField()

    class Meta:
        constraints = [
            # A scorecard as of a day: the newest row of each cell up to it.
            models.UniqueConstraint(
                fields=["account", "control", "day"], name="posture_cellday_unique"
            )
        ]
        indexes = [
            # What changed between two days; rows are written day after day.
            BrinIndex(
                fields=["day"],
                name="posture_cellday_by_day",
                pages_per_range=16,
                autosummarize=True,
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.control_id} {self.day}"


class TouchedCell(models.Model):
    """A cell that was counted anew, until the sums over it have been written.

    Keys only: what has been deleted meanwhile is of no account. `was` holds passed, failed, excepted,
    unknown and overdue before, NULL where only the findings behind them have changed. A cell may be
    touched several times: its first `was` is what the sums still hold.
    """

    account_id = models.BigIntegerField()
    control_id = models.BigIntegerField()
    was = ArrayField(models.IntegerField(), null=True)

    def __str__(self) -> str:
        return f"{self.account_id} {self.control_id}"
