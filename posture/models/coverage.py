from typing import TYPE_CHECKING, Self

from django.db import models

from inventory import access
from inventory.models import Account

if TYPE_CHECKING:
    from inventory.access import AnyUser


class AccountCoverageQuerySet(models.QuerySet["AccountCoverage"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self.filter(access.accounts(user, prefix="account__"))

    def scored(self) -> Self:
        """Of accounts that are live, ACTIVE and not in a suspended OU."""
        live = self.filter(account__gone_at=None, account__state="ACTIVE")
        return live.exclude(account__ou__role="SUSPENDED")


class AccountCoverage(models.Model):
    """In how many Regions of an account a security service is on, as of the last rollup.

    `expected` Regions may be used and have the service; in `told` of them it is known to be on or
    off, in `denied` AWS refused, and of the others nobody told. `gaps` has a line for each Region
    where it is not known to be on: [Region, off, denied, not told, {bit: missing permission}, not
    offered]; the numbers are bits, by the place of a fact in `posture.queries.coverage.services.FACTS`.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, db_index=False)
    service = models.CharField(max_length=20)
    expected = models.PositiveSmallIntegerField()
    on = models.PositiveSmallIntegerField()
    told = models.PositiveSmallIntegerField()
    denied = models.PositiveSmallIntegerField()
    gaps = models.JSONField(default=list)

    objects = models.Manager.from_queryset(AccountCoverageQuerySet)()

    class Meta:
        constraints = [
            # Also the accounts behind one number of the coverage page.
            models.UniqueConstraint(
                fields=["service", "account"], name="posture_accountcoverage_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.service}"
