from typing import TYPE_CHECKING, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Case, Q, Value, When

from findings import access
from findings.models.controls import Control, Severity
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


class Feed(models.TextChoices):
    """Who answers for a finding: only a sweep of its own feed can say that it has vanished.

    An imported file answers for nothing but what it holds, and never takes a finding over from AWS.
    """

    SECURITY_HUB = "SECURITY_HUB", "Security Hub"
    ACCESS_ANALYZER = "ACCESS_ANALYZER", "IAM Access Analyzer"
    FILE = "FILE", "imported file"


class FindingQuerySet(models.QuerySet["Finding"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """Of the live accounts that the user may see, which are those of the rollups."""
        return self.filter(access.findings(user, prefix="account__"), account__gone_at=None)

    def open(self) -> Self:
        return self.filter(status=Status.OPEN)

    def under(self, ou: OrganizationalUnit) -> Self:
        return self.filter(account__ou__path__startswith=ou.path)


class Finding(models.Model):
    """One finding of AWS, told apart by (Id, ProductArn). Narrow: the payload stands aside."""

    Status = Status
    Feed = Feed

    # No index of their own for these relations: each is the beginning of another one.
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, db_index=False)
    # 16-byte BLAKE2b of ProductArn and Id: the ids are too long for an index.
    key = models.BinaryField(max_length=16)
    finding_id = models.TextField()
    product_arn = models.TextField()
    product = models.CharField(max_length=60)
    feed = models.CharField(max_length=16, choices=Feed.choices, default=Feed.SECURITY_HUB)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, db_index=False)
    region = models.CharField(max_length=32, blank=True)
    control = models.ForeignKey(Control, on_delete=models.PROTECT, db_index=False)
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
    # What tells resources apart in sums and joins: their ids are long.
    resource_hash = models.GeneratedField(
        expression=models.Func(
            models.F("resource_id"), models.Value(0), function="hashtextextended"
        ),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )
    resource_type = models.CharField(max_length=120, blank=True)
    resource_count = models.PositiveIntegerField(default=1)
    is_public = models.BooleanField(null=True)  # None: the finding does not say
    # Set from above: the exceptions know why, a finding does not.
    is_excepted = models.BooleanField(default=False)
    content_hash = models.BinaryField(max_length=16)
    first_observed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()  # the provider's clock
    # Of the open episode; both None unless OPEN (and due_at None where the severity has no clock).
    opened_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    # The rule that gave the due date (findings/clocks.py), and the version of the rules.
    sla_rule = models.CharField(max_length=40, blank=True)
    sla_version = models.PositiveSmallIntegerField(default=0)
    # The newest copies (by the provider's clock) that said FAILED and PASSED, in whatever order they
    # came: with them the status does not depend on that order.
    last_failed_at = models.DateTimeField(null=True)
    last_passed_at = models.DateTimeField(null=True)
    # The newest copies that said failing or not failing, as numbers of findings/ingest/timeline.py:
    # what the episodes are made of again when a copy comes late.
    history = ArrayField(models.BigIntegerField(), null=True)
    # As of when the stored copy was read; None before it was kept.
    observed_at = models.DateTimeField(null=True)
    # When AWS accepted a workflow from here: what was read before, or soon after, knows less.
    workflow_set_at = models.DateTimeField(null=True)
    # The oldest copy that names a fix for its vulnerabilities: their clock starts no earlier.
    fix_seen_at = models.DateTimeField(null=True)
    # Absent from a COMPLETE full sweep. That is not "fixed": AWS also deletes by age.
    vanished_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(FindingQuerySet)()

    class Meta:
        permissions = [("read_findings", "Can read findings")]
        constraints = [
            models.UniqueConstraint(fields=["organization", "key"], name="findings_finding_unique"),
            models.CheckConstraint(
                condition=Q(status="OPEN", opened_at__isnull=False)
                | (~Q(status="OPEN") & Q(opened_at=None, due_at=None)),
                name="findings_finding_open_has_a_clock",
            ),
        ]
        indexes = [
            # Findings list, worst first (its default order). What is rare is found by FindingText.
            models.Index(fields=["status", "-severity_rank", "-id"], name="findings_finding_worst"),
            # Rollup of a dirty cell. Nothing else in it, so that equal entries are stored as one.
            models.Index(fields=["control", "account"], name="findings_finding_cell"),
            # What passes its due date, and the list by due date.
            models.Index(
                fields=["due_at", "id"],
                condition=Q(status="OPEN"),
                name="findings_finding_due",
            ),
            # What turns stale: PASSED and not checked for long.
            models.Index(
                fields=["updated_at"],
                condition=Q(status="PASSED"),
                name="findings_finding_stale",
            ),
            # Retention: what has been closed for long.
            models.Index(
                fields=["updated_at"],
                condition=Q(status="CLOSED"),
                name="findings_finding_closed",
            ),
            # Oldest and newest first; what crosses from one age to the next.
            models.Index(
                fields=["opened_at", "id"],
                condition=Q(status="OPEN"),
                name="findings_finding_opened",
            ),
            # What anybody can reach: few among many.
            models.Index(
                fields=["account", "resource_hash"],
                condition=Q(status="OPEN", is_public=True),
                name="findings_finding_public",
            ),
            # Other findings on the same resource, and all cells at once without reading a finding.
            models.Index(
                fields=["account", "control", "resource_hash"],
                include=["status", "due_at", "resource_type"],
                name="findings_finding_resource",
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


_IS_GRAVE = Q(severity__in=[Severity.CRITICAL, Severity.HIGH])


class Episode(models.Model):
    """One stretch of time in which a finding was open: the unit of clocks and flow.

    Failing again within 14 days of the close resumes the episode, and its clock. The newest such
    lapse is kept, so that it can be said what was open on a past day and what came back.

    An episode knows by itself what flow is counted by, so that no KPI has to read the findings:
    triggers copy it from the finding (migration 0012), `due_at` and `sla_rule` for as long as it is
    open, so that a closed one keeps the due date that it closed under. None: it had none, or was
    never seen open.
    """

    class CloseReason(models.TextChoices):
        PASSED = "PASSED", "passed"
        ARCHIVED = "ARCHIVED", "archived: the resource is gone"
        RESOLVED = "RESOLVED", "resolved"
        VANISHED = "VANISHED", "no longer reported by AWS"

    finding = models.ForeignKey(
        Finding, on_delete=models.CASCADE, related_name="episodes", db_index=False
    )
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    close_reason = models.CharField(max_length=8, choices=CloseReason.choices, blank=True)
    resumed = models.PositiveSmallIntegerField(default=0)
    # Of the newest time that it was resumed: when it had been closed, and when it was open again.
    lapsed_at = models.DateTimeField(null=True)
    resumed_at = models.DateTimeField(null=True)
    # When it was excepted. Set from above, and never taken back: an expired exception was one.
    excepted_at = models.DateTimeField(null=True)
    # Copied from the finding, without checks of their own.
    account = models.ForeignKey(
        Account, on_delete=models.DO_NOTHING, db_index=False, db_constraint=False
    )
    control = models.ForeignKey(
        Control, on_delete=models.DO_NOTHING, db_index=False, db_constraint=False
    )
    severity = models.CharField(max_length=13, choices=Severity.choices)
    due_at = models.DateTimeField(null=True)
    sla_rule = models.CharField(max_length=40, blank=True)

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
            models.CheckConstraint(
                condition=Q(lapsed_at=None, resumed_at=None)
                | Q(resumed_at__gte=models.F("lapsed_at")),
                name="findings_episode_lapse",
            ),
        ]
        indexes = [
            # KPIs of flow: what was opened, closed and due of late, of all that matters.
            models.Index(fields=["opened_at"], condition=_IS_GRAVE, name="findings_episode_opened"),
            models.Index(fields=["closed_at"], condition=_IS_GRAVE, name="findings_episode_closed"),
            models.Index(fields=["due_at"], condition=_IS_GRAVE, name="findings_episode_due"),
            # What came back: few among many.
            models.Index(
                fields=["resumed_at"],
                condition=_IS_GRAVE & Q(resumed_at__isnull=False),
                name="findings_episode_resumed",
            ),
            # Vulnerabilities by their tier, of any severity.
            models.Index(
                fields=["closed_at"],
                condition=Q(sla_rule__startswith="bod:") | Q(sla_rule="no-fix"),
                name="findings_episode_tier",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.finding_id} from {self.opened_at}"


class WorkflowChange(models.Model):
    """Workflow.Status of a finding changed, as Parapet saw it; AWS itself keeps 90 days of it."""

    finding = models.ForeignKey(
        Finding, on_delete=models.CASCADE, related_name="workflow_changes", db_index=False
    )
    at = models.DateTimeField()
    before = models.CharField(max_length=10, blank=True)
    after = models.CharField(max_length=10)
    note = models.TextField(blank=True)
    # Who asked for it here; "" where AWS or somebody in its console did it.
    by = models.CharField(max_length=150, blank=True)

    class Meta:
        indexes = [models.Index(fields=["finding", "at"], name="findings_workflowchange_list")]

    def __str__(self) -> str:
        return f"{self.finding_id}: {self.before} to {self.after}"


class SeenFinding(models.Model):
    """What a full sweep has met so far; cleared when it ends. The rest has vanished."""

    run = models.ForeignKey(CollectionRun, on_delete=models.CASCADE)
    # Not checked by the database: it would look through a whole sweep for each finding that retention
    # removes, and once more for each that is met.
    finding = models.ForeignKey(
        Finding, on_delete=models.CASCADE, db_index=False, db_constraint=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "finding"], name="findings_seenfinding_unique")
        ]

    def __str__(self) -> str:
        return f"{self.finding_id} in {self.run_id}"


class QuarantinedFinding(models.Model):
    """A finding that could not be taken in: what came, and why not. It stops nothing."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    # What brought it: a CollectionRun.Source, QUEUE or FILE.
    source = models.CharField(max_length=20)
    source_id = models.TextField()
    reason = models.TextField()
    # How to read it again: asff, ocsf, access_analyzer, or text where it is not even JSON.
    shape = models.CharField(max_length=16, default="asff")
    # What the reader needs besides the payload, such as the analyzer's ARN and Region.
    context = models.JSONField(default=dict)
    payload = models.JSONField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField(null=True)
    retries = models.PositiveSmallIntegerField(default=0)

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
