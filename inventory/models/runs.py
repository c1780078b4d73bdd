from datetime import datetime
from typing import Self

from django.db import models
from django.db.models.functions import Now

from inventory.models.organizations import Organization

# The sync page lists so many collections, and shows them whole.
COLLECTIONS_KEPT = 20


class CollectionQuerySet(models.QuerySet["Collection"]):
    def outdated(self, before: datetime) -> Self:
        """Ended before then and of no use any more: every one of their runs has been removed.

        The newest stay, and so does the newest full one, by which the next full sweep is due.
        """
        full = Collection.objects.filter(is_full=True).exclude(state=Collection.State.FAILED)
        return (
            self.filter(finished_at__lt=before, runs=None)
            .exclude(state=Collection.State.RUNNING)
            .exclude(pk__in=_newest_collections().values("pk"))
            .exclude(pk__in=full.order_by("-as_of", "-pk").values("pk")[:1])
        )


def _newest_collections() -> "models.QuerySet[Collection]":
    return Collection.objects.order_by("-pk")[:COLLECTIONS_KEPT]


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
    # How often each account was to be asked for its settings by then; an answer holds for two such
    # rounds. Zero: nobody asks. Null: as it is set.
    facts_every = models.DurationField(null=True)
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(CollectionQuerySet)()

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

    def outdated(self, before: datetime) -> Self:
        """Runs of collections that ended before then, which nothing needs any more.

        What stays of each scope, however old: the newest run and the newest that has ended (the sync
        page), the newest COMPLETE one with a watermark (from where the next reads on), and the newest
        COMPLETE full one.
        """
        complete = CollectionRun.objects.filter(state=RunState.COMPLETE)
        ended = CollectionRun.objects.exclude(state__in=[RunState.PENDING, RunState.RUNNING])
        marked = complete.filter(watermark__isnull=False)
        return (
            self.filter(collection__finished_at__lt=before, heartbeat_at__lt=before)
            .exclude(collection__state=Collection.State.RUNNING)
            .exclude(collection__in=_newest_collections().values("pk"))
            .exclude(pk__in=_newest_of_scope(CollectionRun.objects.all(), "-pk"))
            .exclude(pk__in=_newest_of_scope(ended, "-pk"))
            .exclude(pk__in=_newest_of_scope(marked, "-watermark", "-pk"))
            .exclude(pk__in=_newest_of_scope(complete.filter(is_full=True), "-pk"))
        )


_SCOPE = ("organization", "source", "account_id", "region")


def _newest_of_scope(
    runs: "models.QuerySet[CollectionRun]", *order: str
) -> "models.QuerySet[CollectionRun]":
    return runs.order_by(*_SCOPE, *order).distinct(*_SCOPE).only("pk")


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
        ACCOUNT_FACTS = "ACCOUNT_FACTS", "account settings"
        SERVICE_COVERAGE = "SERVICE_COVERAGE", "security service coverage"
        EFFECTIVE_POLICIES = "EFFECTIVE_POLICIES", "effective policies"

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
