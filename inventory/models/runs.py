from datetime import datetime
from typing import Self

from django.db import models
from django.db.models.functions import Now

from inventory.models.organizations import Organization


class Collection(models.Model):
    """One pass over every source: first the inventory, then what hangs on it, then the rollup."""

    class State(models.TextChoices):
        RUNNING = "RUNNING", "running"
        COMPLETE = "COMPLETE", "complete"
        PARTIAL = "PARTIAL", "partial"
        FAILED = "FAILED", "failed"

    class Stage(models.TextChoices):
        INVENTORY = "INVENTORY", "inventory"
        CATALOGUE = "CATALOGUE", "controls and Regions"
        FINDINGS = "FINDINGS", "findings"
        ROLLUP = "ROLLUP", "rollup"
        DONE = "DONE", "done"

    # The moment whose state this pass collects. All its writes carry it as their `now`.
    as_of = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    stage = models.CharField(max_length=10, choices=Stage.choices, default=Stage.INVENTORY)
    is_full = models.BooleanField(default=True)
    requested_by = models.CharField(max_length=150, blank=True)  # "" is the schedule
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # Two passes at once would only fight for the same rates.
            models.UniqueConstraint(
                fields=["state"],
                condition=models.Q(state="RUNNING"),
                name="inventory_collection_one_running",
            ),
        ]

    def __str__(self) -> str:
        return f"collection {self.pk}"


class CollectionRunQuerySet(models.QuerySet["CollectionRun"]):
    def unfinished(self) -> Self:
        return self.filter(state__in=[RunState.PENDING, RunState.RUNNING])

    def silent_since(self, moment: datetime) -> Self:
        """Unfinished runs without a sign of life after `moment`: their worker is gone."""
        return self.unfinished().filter(heartbeat_at__lt=moment)


class RunState(models.TextChoices):
    PENDING = "PENDING", "waiting"
    RUNNING = "RUNNING", "running"
    COMPLETE = "COMPLETE", "complete"
    PARTIAL = "PARTIAL", "partial"
    DENIED = "DENIED", "denied"
    NOT_CONFIGURED = "NOT_CONFIGURED", "not configured"
    FAILED = "FAILED", "failed"


class CollectionRun(models.Model):
    """One source in one account and Region ("" is all of them) within a Collection.

    Only a COMPLETE run may sweep rows as gone or vanished.
    """

    State = RunState

    class Source(models.TextChoices):
        ORGANIZATIONS = "ORGANIZATIONS", "AWS Organizations"
        REGIONS = "REGIONS", "enabled Regions"
        CONTROLS = "CONTROLS", "Security Hub controls"
        SECURITY_HUB = "SECURITY_HUB", "Security Hub findings"
        ACCESS_ANALYZER = "ACCESS_ANALYZER", "IAM Access Analyzer"

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="runs")
    organization = models.ForeignKey(Organization, null=True, on_delete=models.CASCADE)
    source = models.CharField(max_length=20, choices=Source.choices)
    account_id = models.CharField(max_length=12, blank=True)
    region = models.CharField(max_length=32, blank=True)
    state = models.CharField(max_length=16, choices=RunState.choices, default=RunState.PENDING)
    is_full = models.BooleanField(default=True)
    # Which attempt owns the run: a worker that was given up writes no end state over its successor's.
    attempt = models.PositiveSmallIntegerField(default=0)
    counts = models.JSONField(default=dict)
    # Everything up to this moment of the source's own clock has been read.
    watermark = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    missing_permission = models.CharField(max_length=120, blank=True)
    queued_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(CollectionRunQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["collection", "source", "account_id", "region"],
                name="inventory_collectionrun_unique",
            )
        ]
        indexes = [
            # The sync page and the watermark: the newest runs of a scope.
            models.Index(
                fields=["source", "account_id", "region", "-id"], name="inventory_run_scope"
            )
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.account_id} {self.region} of {self.collection_id}"
