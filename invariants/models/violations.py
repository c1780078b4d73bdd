"""Findings that invariants should make impossible, and controls that keep failing without one."""

from typing import TYPE_CHECKING, Self

from django.db import models

from findings.models import Control
from invariants.models.catalogue import Invariant
from inventory import access
from inventory.models import Account, Organization

if TYPE_CHECKING:
    from inventory.access import AnyUser


class Stops(models.TextChoices):
    """How far an invariant goes for a control (findings/data/preventive_controls.yaml)."""

    FINDING = "FINDING", "the finding"
    RISK = "RISK", "the risk; the finding stays until the resource is mended"


class InvariantControl(models.Model):
    """A control whose findings an invariant prevents, as its newest version says."""

    invariant = models.ForeignKey(
        Invariant, on_delete=models.CASCADE, related_name="controls", db_index=False
    )
    control_key = models.CharField(max_length=120)  # Control.control_id; it may be unknown here
    stops = models.CharField(max_length=7, choices=Stops.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["invariant", "control_key"], name="invariants_invariantcontrol_unique"
            )
        ]
        indexes = [
            # The invariants of a control: candidates, and the page of a finding.
            models.Index(fields=["control_key"], name="invariants_control_key")
        ]

    def __str__(self) -> str:
        return f"{self.invariant_id} prevents {self.control_key}"


class ViolationQuerySet(models.QuerySet["Violation"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """Of the accounts that the user sees: these are counts, as cells are."""
        return self.filter(access.accounts(user, prefix="account__"))


class Violation(models.Model):
    """Open findings of a control in an account where an invariant is in force that prevents them.

    `open` counts all of them, `from_before` those that were open before the invariant was in force
    there: it keeps new ones from coming up, and mends none.
    """

    invariant = models.ForeignKey(Invariant, on_delete=models.CASCADE, db_index=False)
    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    control = models.ForeignKey(Control, on_delete=models.CASCADE)
    # As InvariantControl.stops: else the finding is expected to stay, and is no violation.
    stops_finding = models.BooleanField(default=True)
    open = models.PositiveIntegerField()
    from_before = models.PositiveIntegerField(default=0)

    objects = models.Manager.from_queryset(ViolationQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["invariant", "account", "control"], name="invariants_violation_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(open__gte=1, from_before__lte=models.F("open")),
                name="invariants_violation_counts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invariant_id} violated in {self.account_id} by {self.control_id}"


class RecurrenceQuerySet(models.QuerySet["Recurrence"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """Of the accounts that the user sees: these are counts, as cells are."""
        return self.filter(access.accounts(user, prefix="account__"))


class Recurrence(models.Model):
    """How a preventable control fares in an account: open now, and what came up in the last 90 days."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, db_index=False)
    control = models.ForeignKey(Control, on_delete=models.CASCADE)
    open = models.PositiveIntegerField(default=0)
    opened = models.PositiveIntegerField(default=0)  # episodes that began in the time
    reopened = models.PositiveIntegerField(default=0)  # findings that failed again in the time
    # An invariant that leaves the control nothing to fail on is in force in the account.
    is_prevented = models.BooleanField(default=False)

    objects = models.Manager.from_queryset(RecurrenceQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "control"], name="invariants_recurrence_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.control_id} in {self.account_id}"


class PreventionCount(models.Model):
    """As of when violations and recurrences are counted; None or without a row they are not known."""

    organization = models.OneToOneField(Organization, primary_key=True, on_delete=models.CASCADE)
    at = models.DateTimeField(null=True)
    # Of the statements that serve invariants, when denials were last tied to them all.
    serving_digest = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"counted at {self.at}"
