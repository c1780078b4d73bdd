from pathlib import Path
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models

from findings import access as findings_access
from inventory import access
from inventory.models import Organization

if TYPE_CHECKING:
    from inventory.access import AnyUser


class QueueFeed(models.Model):
    """The SQS queue that EventBridge fills: how far its consumer is, for the sync page."""

    class State(models.TextChoices):
        RUNNING = "RUNNING", "running"
        DENIED = "DENIED", "denied"
        FAILED = "FAILED", "failed"
        STOPPED = "STOPPED", "stopped"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    queue_url = models.TextField(unique=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.RUNNING)
    # Messages and findings since the consumer was first started: received, new, changed, unchanged,
    # opened, closed, quarantined, skipped (another API's events).
    counts = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    missing_permission = models.CharField(max_length=120, blank=True)
    last_message_at = models.DateTimeField(null=True)
    # How long the newest message took from its event to our commit.
    last_delay_seconds = models.FloatField(null=True)
    heartbeat_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.queue_url


class FileImportQuerySet(models.QuerySet["FileImport"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """All for people who see everything, else one's own: a file belongs to no account.

        What is told of a file quotes its findings, so it is for people who may read them.
        """
        if not findings_access.may_read(user):
            return self.none()
        if access.scope_of(user).everything:
            return self
        return self.filter(requested_by=user.get_username()).exclude(requested_by="")

    def unfinished(self) -> Self:
        return self.filter(state__in=[FileImport.State.PENDING, FileImport.State.RUNNING])


class FileImport(models.Model):
    """One file of findings, imported by the command or uploaded on the page."""

    class State(models.TextChoices):
        PENDING = "PENDING", "waiting"
        RUNNING = "RUNNING", "running"
        COMPLETE = "COMPLETE", "complete"
        REFUSED = "REFUSED", "refused"
        FAILED = "FAILED", "failed"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    name = models.CharField(max_length=255)
    size = models.BigIntegerField()  # bytes as stored; 0 where a pipe does not say
    # Where an upload lies until it has been read; "" for the command's own files.
    stored_as = models.CharField(max_length=255, blank=True)
    requested_by = models.CharField(max_length=150, blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING)
    shape = models.CharField(max_length=16, blank=True)
    # What the file does not say itself, such as the ARN of the analyzer.
    context = models.JSONField(default=dict)
    # new, changed, unchanged, opened, closed, quarantined
    counts = models.JSONField(default=dict)
    # Why findings went into quarantine: {"reason", "findings", "example"}, the most frequent first.
    reasons = models.JSONField(default=list)
    bytes_read = models.BigIntegerField(default=0)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(FileImportQuerySet)()

    class Meta:
        indexes = [models.Index(fields=["-id"], name="findings_fileimport_list")]
        permissions = [("import_findings", "Can import files of findings")]

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> Path:
        """Where an upload lies, outside of everything that is served."""
        return Path(settings.POSTURE_UPLOAD_DIR) / self.stored_as
