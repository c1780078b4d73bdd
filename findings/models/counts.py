from typing import TYPE_CHECKING, Self

from django.db import models

from findings.models.controls import Control, Severity
from findings.models.findings import Status
from inventory import access
from inventory.models import Account

if TYPE_CHECKING:
    from inventory.access import AnyUser


class DirtyCell(models.Model):
    """(account, control) whose findings changed, written in the same transaction as the change.

    Append-only until a rollup drains it, so that writers never wait for each other.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, db_index=False)
    control = models.ForeignKey(Control, on_delete=models.CASCADE, db_index=False)

    def __str__(self) -> str:
        return f"{self.account_id} {self.control_id}"


class FindingCountQuerySet(models.QuerySet["FindingCount"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self.filter(access.accounts(user, prefix="account__"), account__gone_at=None)


class FindingCount(models.Model):
    """How many findings there are of each kind: every count on a page is a sum over these rows."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    control = models.ForeignKey(Control, on_delete=models.CASCADE)
    region = models.CharField(max_length=32, blank=True)
    product = models.CharField(max_length=60)
    severity = models.CharField(max_length=13, choices=Severity.choices)
    status = models.CharField(max_length=8, choices=Status.choices)
    workflow = models.CharField(max_length=10)
    findings = models.PositiveIntegerField()

    objects = models.Manager.from_queryset(FindingCountQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "account",
                    "control",
                    "region",
                    "product",
                    "severity",
                    "status",
                    "workflow",
                ],
                name="findings_findingcount_unique",
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.control_id} {self.severity} {self.status}"
