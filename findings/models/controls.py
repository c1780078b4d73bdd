from django.db import models

from inventory.models import Organization


class Severity(models.TextChoices):
    CRITICAL = "CRITICAL", "Critical"
    HIGH = "HIGH", "High"
    MEDIUM = "MEDIUM", "Medium"
    LOW = "LOW", "Low"
    INFORMATIONAL = "INFORMATIONAL", "Informational"


class Area(models.TextChoices):
    """The seven security areas."""

    CULTURE = "CULTURE", "Culture"
    ACCOUNT_MANAGEMENT = "ACCOUNT_MANAGEMENT", "Account management"
    IDENTITY = "IDENTITY", "Identity and access"
    DATA_PROTECTION = "DATA_PROTECTION", "Data protection"
    SECURE_DEPLOYMENT = "SECURE_DEPLOYMENT", "Secure deployment"
    MONITORING = "MONITORING", "Monitoring and alerting"
    VULNERABILITY = "VULNERABILITY", "Vulnerability management and incident response"


class Control(models.Model):
    """A Security Hub control, or a pseudo-control that gathers the findings of another product."""

    class Status(models.TextChoices):
        ENABLED = "ENABLED", "enabled"
        DISABLED = "DISABLED", "disabled"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    control_id = models.CharField(max_length=80)
    title = models.CharField(max_length=300)
    description = models.TextField(blank=True)
    severity = models.CharField(max_length=13, choices=Severity.choices)
    # "" is a control that nobody has mapped yet: shown as such, scored in the whole, in no area.
    area = models.CharField(max_length=20, choices=Area.choices, blank=True)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.ENABLED)
    disabled_reason = models.TextField(blank=True)
    parameters = models.JSONField(default=dict)
    remediation_url = models.CharField(max_length=500, blank=True)
    standards = models.JSONField(default=list)
    # A pseudo-control reports no passes, so a pass rate does not exist: shown, never scored.
    is_scored = models.BooleanField(default=True)
    # Its resource is the account itself; for any other control an account-level PASSED is vacuous.
    is_account_level = models.BooleanField(default=False)
    # Reports only in the delegated administrator, about the whole organisation.
    is_delegated_admin_only = models.BooleanField(default=False)
    # New in an organisation that was already watched, it is shown but not scored before this day.
    # None: scored from the first look on.
    scored_from = models.DateField(null=True)
    # No due date counts from before this day: that of `scored_from` where the control was new. One that
    # was enabled anew keeps its clocks, or switching it off and on would win time (ADR 5).
    clock_from = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "control_id"], name="findings_control_unique"
            )
        ]

    def __str__(self) -> str:
        return self.control_id


class Standard(models.Model):
    """A standard that is enabled in Security Hub."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    arn = models.CharField(max_length=300)
    subscription_arn = models.CharField(max_length=400, blank=True)
    name = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=20)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "arn"], name="findings_standard_unique")
        ]

    def __str__(self) -> str:
        return self.arn
