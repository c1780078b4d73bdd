"""What is kept of the numbers of the process: how many stood how on a day, and what each exception does."""

from typing import TYPE_CHECKING, Self

from django.db import models

from invariants.models.exceptions.requests import ExceptionRequest
from inventory import access
from inventory.models import Organization, OrganizationalUnit

if TYPE_CHECKING:
    from inventory.access import AnyUser


class ExceptionDayQuerySet(models.QuerySet["ExceptionDay"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self.filter(access.ous(user, prefix="ou__"))


class ExceptionDay(models.Model):
    """How many exceptions that reach any place at or below an OU stood how at the end of `day`.

    A row is written on a day on which a count changed, and otherwise once a week, so that a gap of more
    than a week is no data. Only the row of the day that is going on is ever written again. Every
    exception counts once, however many places it has, so that OUs do not add up to the one above them.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, db_index=False)
    ou = models.ForeignKey(OrganizationalUnit, on_delete=models.CASCADE, db_index=False)
    day = models.DateField()
    active = models.PositiveIntegerField()
    expiring = models.PositiveIntegerField()
    expired = models.PositiveIntegerField()
    zombies = models.PositiveIntegerField()
    # Of the active ones.
    renewed_twice = models.PositiveIntegerField()
    # Granted and not ended, by a change of policy; those of them that no collection has found yet.
    granted = models.PositiveIntegerField()
    not_in_place = models.PositiveIntegerField()
    # Carve-outs that nobody approved; None: not known there.
    unapproved = models.PositiveIntegerField(null=True)

    objects = models.Manager.from_queryset(ExceptionDayQuerySet)()

    class Meta:
        constraints = [
            # Also what the trend of an OU reads.
            models.UniqueConstraint(fields=["ou", "day"], name="invariants_exceptionday_unique"),
            models.CheckConstraint(
                condition=models.Q(expiring__lte=models.F("active"))
                & models.Q(zombies__lte=models.F("expired"))
                & models.Q(renewed_twice__lte=models.F("active"))
                & models.Q(not_in_place__lte=models.F("granted")),
                name="invariants_exceptionday_parts",
            ),
        ]

    def __str__(self) -> str:
        return f"exceptions of {self.ou_id} on {self.day}"


class ExceptionMeasureQuerySet(models.QuerySet["ExceptionMeasure"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """Of the requests that the user sees."""
        return self.filter(request__in=ExceptionRequest.objects.visible_to(user))


class ExceptionMeasure(models.Model):
    """What the last collection found an exception that holds to do. One that holds no more keeps its last."""

    request = models.OneToOneField(
        ExceptionRequest, primary_key=True, on_delete=models.CASCADE, related_name="measure"
    )
    at = models.DateTimeField()
    # Since when records of calls reach back without a gap, 90 days at most; None: nothing records them.
    recorded_from = models.DateField(null=True)
    # The last day on which a call in its scope was recorded; None: none was, which where the carve-out
    # lets calls through is not the same as no use.
    used_on = models.DateField(null=True)
    # Different principals and actions that it lets through; None: its scope does not name them.
    pairs = models.PositiveIntegerField(null=True)
    # Findings that were first seen in its scope after it began to hold.
    findings_inside = models.PositiveIntegerField(default=0)
    # The controls that compensate hold in its scope; None: it names none, or nothing is known of them.
    is_compensated = models.BooleanField(null=True)

    objects = models.Manager.from_queryset(ExceptionMeasureQuerySet)()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(used_on=None) | models.Q(recorded_from__isnull=False),
                name="invariants_exceptionmeasure_use_was_recorded",
            )
        ]

    def __str__(self) -> str:
        return f"measure of {self.request_id}"
