from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Case, Q, Value, When

from findings.models.controls import Control, Severity
from inventory import access
from inventory.models import Account, CollectionRun, Organization, OrganizationalUnit

if TYPE_CHECKING:
    from inventory.access import AnyUser


class Status(models.TextChoices):
    """What the three states that AWS keeps (RecordState, Workflow, Compliance) come to.

    A FAILED finding whose workflow somebody set to RESOLVED or SUPPRESSED is still OPEN.
    """

    OPEN = "OPEN", "open"
    PASSED = "PASSED", "passed"
    UNKNOWN = "UNKNOWN", "unknown"
    CLOSED = "CLOSED", "closed"


class FindingQuerySet(models.QuerySet["Finding"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """Of the live accounts that the user may see, which are those of the rollups."""
        return self.filter(access.accounts(user, prefix="account__"), account__gone_at=None)

    def open(self) -> Self:
        return self.filter(status=Status.OPEN)

    def under(self, ou: OrganizationalUnit) -> Self:
        return self.filter(account__ou__path__startswith=ou.path)


class Finding(models.Model):
    """One finding of AWS, told apart by (Id, ProductArn). Narrow: the payload stands aside."""

    Status = Status

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    # 16-byte BLAKE2b of ProductArn and Id: the ids are too long for an index.
    key = models.BinaryField(max_length=16)
    finding_id = models.TextField()
    product_arn = models.TextField()
    product = models.CharField(max_length=60)
    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    region = models.CharField(max_length=32, blank=True)
    control = models.ForeignKey(Control, on_delete=models.PROTECT)
    title = models.TextField()
    severity = models.CharField(max_length=13, choices=Severity.choices)
    severity_rank = models.GeneratedField(
        expression=Case(
            When(severity=Severity.CRITICAL, then=Value(4)),
            When(severity=Severity.HIGH, then=Value(3)),
            When(severity=Severity.MEDIUM, then=Value(2)),
            When(severity=Severity.LOW, then=Value(1)),
            default=Value(0),
        ),
        output_field=models.PositiveSmallIntegerField(),
        db_persist=True,
    )
    status = models.CharField(max_length=8, choices=Status.choices)
    compliance = models.CharField(max_length=14, blank=True)  # Compliance.Status; "" has none
    workflow = models.CharField(max_length=10)  # Workflow.Status
    record_state = models.CharField(max_length=8)  # RecordState
    resource_id = models.TextField()
    resource_type = models.CharField(max_length=120, blank=True)
    resource_count = models.PositiveIntegerField(default=1)
    is_public = models.BooleanField(null=True)  # None: the finding does not say
    content_hash = models.BinaryField(max_length=16)
    first_observed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()  # the provider's clock
    # Of the open episode; both None unless OPEN (and due_at None where the severity has no clock).
    opened_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    # Absent from a COMPLETE full sweep. That is not "fixed": AWS also deletes by age.
    vanished_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(FindingQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "key"], name="findings_finding_unique"),
            models.CheckConstraint(
                condition=Q(status="OPEN", opened_at__isnull=False)
                | (~Q(status="OPEN") & Q(opened_at=None, due_at=None)),
                name="findings_finding_open_has_a_clock",
            ),
        ]
        indexes = [
            # Findings list, worst first (its default order), and the same within an account.
            models.Index(fields=["status", "-severity_rank", "-id"], name="findings_finding_worst"),
            models.Index(
                fields=["account", "status", "-severity_rank", "-id"],
                name="findings_finding_account",
            ),
            # Rollup of a dirty cell, and the findings of one control.
            models.Index(
                fields=["control", "account", "status", "-severity_rank", "-id"],
                name="findings_finding_cell",
            ),
            # The daily count of overdue findings.
            models.Index(
                fields=["due_at"],
                condition=Q(status="OPEN"),
                name="findings_finding_due",
            ),
            # What turns stale: PASSED and not checked for long.
            models.Index(
                fields=["updated_at"],
                condition=Q(status="PASSED"),
                name="findings_finding_stale",
            ),
        ]

    def __str__(self) -> str:
        return self.finding_id


class FindingPayload(models.Model):
    """What AWS sent, as it came."""

    finding = models.OneToOneField(
        Finding, primary_key=True, on_delete=models.CASCADE, related_name="payload"
    )
    payload = models.JSONField()

    def __str__(self) -> str:
        return f"payload of {self.finding_id}"


class Episode(models.Model):
    """One stretch of time in which a finding was open: the unit of clocks and flow.

    Failing again within 14 days of the close resumes the episode, and its clock.
    """

    class CloseReason(models.TextChoices):
        PASSED = "PASSED", "passed"
        ARCHIVED = "ARCHIVED", "archived: the resource is gone"
        RESOLVED = "RESOLVED", "resolved"
        VANISHED = "VANISHED", "no longer reported by AWS"

    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="episodes")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    close_reason = models.CharField(max_length=8, choices=CloseReason.choices, blank=True)
    resumed = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["finding"], condition=Q(closed_at=None), name="findings_episode_one_open"
            ),
            models.UniqueConstraint(
                fields=["finding", "opened_at"], name="findings_episode_unique"
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None, close_reason="")
                | (Q(closed_at__gte=models.F("opened_at")) & ~Q(close_reason="")),
                name="findings_episode_closed_with_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.finding_id} from {self.opened_at}"


class SeenFinding(models.Model):
    """What a full sweep has met so far; cleared when it ends. The rest has vanished."""

    run = models.ForeignKey(CollectionRun, on_delete=models.CASCADE)
    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "finding"], name="findings_seenfinding_unique")
        ]

    def __str__(self) -> str:
        return f"{self.finding_id} in {self.run_id}"


class QuarantinedFinding(models.Model):
    """A finding that could not be taken in: what came, and why not. It stops nothing."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    source = models.CharField(max_length=20)
    source_id = models.TextField()
    reason = models.TextField()
    payload = models.JSONField()
    first_seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "organization",
                "source",
                models.functions.MD5("source_id"),
                name="findings_quarantinedfinding_unique",
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.source_id}"
