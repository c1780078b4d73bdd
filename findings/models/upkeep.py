from datetime import datetime, timedelta
from typing import Final, Self

from django.db import IntegrityError, models, transaction
from django.db.models import Q

# Without a sign of life for so long, the worker is gone and another run may begin.
LOST_AFTER: Final = timedelta(minutes=30)


class UpkeepState(models.TextChoices):
    PENDING = "PENDING", "waiting for a worker"
    RUNNING = "RUNNING", "running"
    COMPLETE = "COMPLETE", "complete"
    PARTIAL = "PARTIAL", "goes on at the next run"
    FAILED = "FAILED", "failed"


class UpkeepRunQuerySet(models.QuerySet["UpkeepRun"]):
    def of(self, kind: "UpkeepRun.Kind") -> Self:
        return self.filter(kind=kind)

    def unfinished(self) -> Self:
        return self.filter(finished_at=None)

    def ask(self, kind: "UpkeepRun.Kind", *, now: datetime, by: str = "") -> "UpkeepRun | None":
        """A new run of the kind that waits for a worker; None while another is under way."""
        lost = self.of(kind).unfinished().filter(heartbeat_at__lt=now - LOST_AFTER)
        lost.update(
            state=UpkeepState.FAILED,
            finished_at=now,
            error="The worker was lost: it gave no sign of life. What it had done stands.",
        )
        try:
            with transaction.atomic():
                return self.create(kind=kind, requested_by=by, created_at=now, heartbeat_at=now)
        except IntegrityError:
            return None

    def claim(self, pk: int, *, now: datetime) -> "UpkeepRun | None":
        """The waiting run as one's own; None when somebody else has it or it has ended."""
        waiting = self.filter(pk=pk, state=UpkeepState.PENDING)
        if not waiting.update(state=UpkeepState.RUNNING, heartbeat_at=now):
            return None
        return self.get(pk=pk)


class UpkeepRun(models.Model):
    """One round of work on the findings themselves: retention, or quarantine read again."""

    State = UpkeepState

    class Kind(models.TextChoices):
        RETENTION = "RETENTION", "retention"
        RETRY_QUARANTINE = "RETRY_QUARANTINE", "quarantine read again"

    kind = models.CharField(max_length=16, choices=Kind.choices)
    state = models.CharField(max_length=8, choices=UpkeepState.choices, default=UpkeepState.PENDING)
    requested_by = models.CharField(max_length=150, blank=True)  # "" is the schedule
    # What was done, by the name of the thing: numbers only.
    counts = models.JSONField(default=dict)
    # Where each step stopped when the time was over; the next run goes on from there.
    position = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(UpkeepRunQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind"],
                condition=Q(finished_at=None),
                name="findings_upkeeprun_one_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(finished_at=None, state__in=["PENDING", "RUNNING"])
                | (Q(finished_at__isnull=False) & ~Q(state__in=["PENDING", "RUNNING"])),
                name="findings_upkeeprun_ended_with_a_state",
            ),
        ]
        indexes = [
            # The newest of a kind: quarantine page and sync page.
            models.Index(fields=["kind", "-id"], name="findings_upkeeprun_newest")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    def beat(self, counts: dict[str, int], *, now: datetime) -> None:
        """Write down how far it is, unless it has been given up in the meantime."""
        mine = UpkeepRun.objects.filter(pk=self.pk, state=UpkeepState.RUNNING)
        mine.update(counts=counts, heartbeat_at=now)

    def end(self, state: UpkeepState, *, now: datetime, **values: object) -> None:
        """Write down how it ended, unless it has been given up in the meantime."""
        mine = UpkeepRun.objects.filter(pk=self.pk, state=UpkeepState.RUNNING)
        mine.update(state=state, heartbeat_at=now, finished_at=now, **values)
