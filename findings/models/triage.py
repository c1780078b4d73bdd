from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from findings import access
from inventory.models import Organization

if TYPE_CHECKING:
    from inventory.access import AnyUser


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """The person's own, and the shared ones; the words searched for may name resources."""
        if not access.may_read(user):
            return self.none()
        return self.filter(Q(owner=user.pk) | Q(is_shared=True))


class SavedView(models.Model):
    """A filtered list of findings under a name: the query string of the page."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    name = models.CharField(max_length=80)
    query = models.TextField(blank=True)
    is_shared = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    objects = models.Manager.from_queryset(SavedViewQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="findings_savedview_unique")
        ]

    def __str__(self) -> str:
        return self.name


class ColumnChoice(models.Model):
    """The columns that a person wants to see in the findings list, in their order."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="finding_columns",
    )
    columns = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"columns of {self.user_id}"


class BulkActionQuerySet(models.QuerySet["BulkAction"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """The person's own: they hold findings that others may not see."""
        if not access.may_read(user):
            return self.none()
        return self.filter(requested_by=user.pk)


class BulkAction(models.Model):
    """A change of workflow asked for many findings at once, written to AWS by a task.

    The findings are fixed when it starts: its items. An undo is a bulk action of its own.
    """

    class State(models.TextChoices):
        PENDING = "PENDING", "waiting"
        RUNNING = "RUNNING", "running"
        COMPLETE = "COMPLETE", "complete"
        PARTIAL = "PARTIAL", "partial"
        FAILED = "FAILED", "failed"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    workflow = models.CharField(max_length=10)  # Workflow.Status to set; "" for an undo
    note = models.CharField(max_length=512, blank=True)
    # What was chosen: the query string of the list, or "" for single findings.
    query = models.TextField(blank=True)
    undoes = models.OneToOneField(
        "self", null=True, on_delete=models.CASCADE, related_name="undone"
    )
    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(BulkActionQuerySet)()

    class Meta:
        permissions = [("triage", "Can set the workflow of findings in AWS")]

    def __str__(self) -> str:
        return f"bulk action {self.pk}"


class BulkItem(models.Model):
    """One finding of a bulk action, with the workflow it had before."""

    class State(models.TextChoices):
        PENDING = "PENDING", "waiting"
        DONE = "DONE", "done"
        FAILED = "FAILED", "not processed by AWS"

    action = models.ForeignKey(BulkAction, on_delete=models.CASCADE, related_name="items")
    finding = models.ForeignKey("findings.Finding", on_delete=models.CASCADE)
    before = models.CharField(max_length=10, blank=True)
    after = models.CharField(max_length=10)
    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING)
    # ErrorCode and ErrorMessage of UnprocessedFindings.
    error = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["action", "finding"], name="findings_bulkitem_unique")
        ]
        indexes = [models.Index(fields=["action", "state", "id"], name="findings_bulkitem_todo")]

    def __str__(self) -> str:
        return f"{self.finding_id} in {self.action_id}"
