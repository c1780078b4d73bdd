from datetime import date
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models.functions import Now

from inventory import access
from inventory.models import Account, Organization, OrganizationalUnit, Team

if TYPE_CHECKING:
    from inventory.access import AnyUser


class Point(models.Model):
    """The parts of a KPI on a day: a page divides, and an OU is the sum of its accounts.

    `part` "" is the KPI itself; others are its lines beside ("critical", "keys"). `covered` of
    `expected` is how much of what it should be made from there was: none of it is "no data".
    """

    kpi = models.CharField(max_length=4)
    part = models.CharField(max_length=24, blank=True)
    day = models.DateField()
    numerator = models.DecimalField(max_digits=28, decimal_places=12)
    denominator = models.DecimalField(max_digits=28, decimal_places=12)
    covered = models.DecimalField(max_digits=28, decimal_places=12)
    expected = models.DecimalField(max_digits=28, decimal_places=12)

    class Meta:
        abstract = True


class KpiAccountPointQuerySet(models.QuerySet["KpiAccountPoint"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self.filter(access.accounts(user, prefix="account__"))


class KpiAccountPoint(Point):
    """A KPI of one account on a day, in the OU of that day.

    There is none where nothing was found and nothing was missing: a count of 0, a share of nothing.
    """

    # Without checks by the database, which would cost more than the filling: nothing but rollups
    # writes here, from rows that have been checked.
    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, db_index=False, db_constraint=False
    )
    ou = models.ForeignKey(
        OrganizationalUnit, on_delete=models.PROTECT, db_index=False, db_constraint=False
    )

    objects = models.Manager.from_queryset(KpiAccountPointQuerySet)()

    class Meta:
        constraints = [
            # What a KPI is made of on a day; and the sums over it. Nothing reads an account's own
            # points without day and KPI, and a second index would be half of what a day costs.
            models.UniqueConstraint(
                fields=["kpi", "day", "part", "account"], name="posture_kpiaccountpoint_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kpi} {self.part} {self.account_id} {self.day}"


class KpiPointQuerySet(models.QuerySet["KpiPoint"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self.filter(access.ous(user, prefix="ou__"))


class KpiPoint(Point):
    """A KPI of an OU with everything below it on a day.

    `details` holds what does not add up: medians, ages, the number of accounts of each grade.
    """

    ou = models.ForeignKey(OrganizationalUnit, on_delete=models.CASCADE, db_index=False)
    details = models.JSONField(default=dict)

    objects = models.Manager.from_queryset(KpiPointQuerySet)()

    class Meta:
        constraints = [
            # One KPI of one OU over time; all KPIs of one OU on a day.
            models.UniqueConstraint(
                fields=["ou", "kpi", "part", "day"], name="posture_kpipoint_unique"
            )
        ]
        indexes = [models.Index(fields=["kpi", "day"], name="posture_kpipoint_day")]

    def __str__(self) -> str:
        return f"{self.kpi} {self.part} {self.ou_id} {self.day}"


class KpiFill(models.Model):
    """That a KPI was filled for a day, by which formula, and from what."""

    class Source(models.TextChoices):
        NIGHTLY = "NIGHTLY", "on the day"
        BACKFILL = "BACKFILL", "filled back"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    kpi = models.CharField(max_length=4)
    day = models.DateField()
    formula_version = models.PositiveSmallIntegerField()
    target_version = models.PositiveSmallIntegerField()
    # A day that is over is filled once more, and then never again.
    is_final = models.BooleanField(default=False)
    source = models.CharField(max_length=8, choices=Source.choices, default=Source.NIGHTLY)
    data_as_of = models.DateTimeField()
    filled_at = models.DateTimeField(db_default=Now())
    # Of the rows that it was filled with: the same rows, the same hash.
    inputs_hash = models.CharField(max_length=64, blank=True)
    # Why the newest filling failed; what was filled before stays.
    error = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kpi", "day"], name="posture_kpifill_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kpi} {self.day}"


class AttestationQuerySet(models.QuerySet["Attestation"]):
    def valid_on(self, day: date) -> Self:
        """Holding on that day: from the day it was attested until before it expires or is withdrawn."""
        return self.filter(
            models.Q(withdrawn_on=None) | models.Q(withdrawn_on__gt=day),
            attested_on__lte=day,
            expires_on__gt=day,
        )

    def visible_to(self, user: "AnyUser") -> Self:
        scope = access.scope_of(user)
        if scope.everything:
            return self
        return self.filter(
            models.Q(account__in=Account.objects.visible_to(user))
            | models.Q(team_id__in=scope.team_ids)
        )


class Attestation(models.Model):
    """Somebody vouches, by name and date, for what no API tells, until it expires.

    About one account, or all accounts of a team, or (neither) the whole organisation.
    """

    class Subject(models.TextChoices):
        THREAT_MODEL = "THREAT_MODEL", "Threat model reviewed"
        ROLLBACK_TEST = "ROLLBACK_TEST", "Automated rollback tested"
        IR_EXERCISE = "IR_EXERCISE", "Incident response exercise held"
        RUNBOOK = "RUNBOOK", "Incident runbook tested"
        GUARDIAN = "GUARDIAN", "Security Guardian trained"
        EXECUTIVE = "EXECUTIVE", "Accountable executive named"
        ON_CALL = "ON_CALL", "On-call contact tested"
        IDENTITY_MFA = "IDENTITY_MFA", "MFA required in the identity provider"
        LOOP_FIX = "LOOP_FIX", "Automated fix tested"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    subject = models.CharField(max_length=16, choices=Subject.choices)
    account = models.ForeignKey(Account, null=True, on_delete=models.CASCADE)
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE)
    statement = models.TextField()
    evidence_url = models.CharField(max_length=500, blank=True)
    owner = models.CharField(max_length=150)  # who vouches
    attested_on = models.DateField()
    expires_on = models.DateField()
    recorded_by = models.CharField(max_length=150)
    recorded_at = models.DateTimeField(db_default=Now())
    withdrawn_on = models.DateField(null=True)
    withdrawn_by = models.CharField(max_length=150, blank=True)

    objects = models.Manager.from_queryset(AttestationQuerySet)()

    class Meta:
        permissions = [("attest", "Can attest")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(expires_on__gt=models.F("attested_on")),
                name="posture_attestation_expires_later",
            ),
            models.CheckConstraint(
                condition=models.Q(account=None) | models.Q(team=None),
                name="posture_attestation_one_subject",
            ),
            models.CheckConstraint(
                condition=models.Q(withdrawn_on=None, withdrawn_by="")
                | (models.Q(withdrawn_on__isnull=False) & ~models.Q(withdrawn_by="")),
                name="posture_attestation_withdrawn_by",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} by {self.owner} on {self.attested_on}"
