"""What scores were made from on days that are over, kept as changes only."""

from typing import TYPE_CHECKING, Self

from django.db import models

from findings.models import Area, Control, Severity
from inventory import access
from inventory.models import OrganizationalUnit

if TYPE_CHECKING:
    from inventory.access import AnyUser


class ControlDay(models.Model):
    """What a control weighed from the end of this day on, until its next row."""

    control = models.ForeignKey(Control, on_delete=models.CASCADE, db_index=False)
    day = models.DateField()
    severity = models.CharField(max_length=13, choices=Severity.choices)
    area = models.CharField(max_length=20, choices=Area.choices, blank=True)
    # Whether its cells count: scored at all, and no longer provisional.
    is_counted = models.BooleanField()
    is_enabled = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["control", "day"], name="posture_controlday_unique")
        ]

    def __str__(self) -> str:
        return f"{self.control_id} {self.day}"


class OuControlDayQuerySet(models.QuerySet["OuControlDay"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self.filter(access.ous(user, prefix="ou__"))


class OuControlDay(models.Model):
    """OuControl at the end of a day on which it changed; it holds until the next row. All 0: gone."""

    ou = models.ForeignKey(OrganizationalUnit, on_delete=models.CASCADE, db_index=False)
    control = models.ForeignKey(Control, on_delete=models.CASCADE)
    day = models.DateField()
    passed = models.PositiveIntegerField()
    failed = models.PositiveIntegerField()
    excepted = models.PositiveIntegerField()
    unknown = models.PositiveIntegerField()
    accounts_failing = models.PositiveIntegerField()
    accounts = models.PositiveIntegerField()
    lost_weight = models.DecimalField(max_digits=28, decimal_places=12)
    overdue = models.PositiveIntegerField(default=0)

    objects = models.Manager.from_queryset(OuControlDayQuerySet)()

    class Meta:
        constraints = [
            # One step down the index for each control gives the row that holds on a day.
            models.UniqueConstraint(
                fields=["ou", "control", "day"], name="posture_oucontrolday_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.ou_id} {self.control_id} {self.day}"


class ScoreChangeQuerySet(models.QuerySet["ScoreChange"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self.filter(access.ous(user, prefix="ou__"))


class ScoreChange(models.Model):
    """Why the managed score of an OU moved in the week up to a day, split exactly.

    Points with seven decimals: exits + posture + entries + exceptions = total. `before` is the day
    that was compared with: the newest rolled up a week earlier or more.
    """

    ou = models.ForeignKey(OrganizationalUnit, on_delete=models.CASCADE, db_index=False)
    day = models.DateField()
    before = models.DateField()
    exits = models.DecimalField(max_digits=11, decimal_places=7)
    posture = models.DecimalField(max_digits=11, decimal_places=7)
    entries = models.DecimalField(max_digits=11, decimal_places=7)
    exceptions = models.DecimalField(max_digits=11, decimal_places=7)
    total = models.DecimalField(max_digits=11, decimal_places=7)
    # [{"part": "entries", "cause": "control enabled", "name": "SSM.7", "points": "-0.8", "cells": 40}]
    causes = models.JSONField(default=list)

    objects = models.Manager.from_queryset(ScoreChangeQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ou", "day"], name="posture_scorechange_unique")
        ]

    def __str__(self) -> str:
        return f"{self.ou_id} {self.day}"
