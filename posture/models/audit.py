"""The audit log: only ever added to, each entry sealed to the one before it.

Sealing, and refusing everything else, is done by the database (migration 0016, ADR 12).
"""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from inventory.access import AnyUser

READ = "posture.read_audit"
NO_HASH = ""


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """All of it, for who may read the audit log at all."""
        return self if user.has_perm(READ) else self.none()


class AuditEntry(models.Model):
    """Who did what, when and from where. No foreign keys: entries outlive what they tell of."""

    class Who(models.TextChoices):
        PERSON = "PERSON", "person"
        SERVICE = "SERVICE", "service account"
        # A task or command that nobody in particular asked for.
        SYSTEM = "SYSTEM", "system"
        # Not signed in.
        NOBODY = "NOBODY", "nobody"
        # Somebody with a connection of their own: not by this program.
        DATABASE = "DATABASE", "database"

    # Place in the chain, without gaps, in the order of commits; given when the transaction ends.
    seq = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    event = models.CharField(max_length=60)
    who_kind = models.CharField(max_length=8, choices=Who)
    who_id = models.CharField(max_length=40, blank=True)
    who_name = models.CharField(max_length=150, blank=True)
    # The API token that was used: its number and name.
    token = models.CharField(max_length=120, blank=True)
    address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    task_id = models.CharField(max_length=64, blank=True)
    task = models.CharField(max_length=150, blank=True)
    subject = models.CharField(max_length=300, blank=True)
    details = models.JSONField(default=dict)
    # {"field": [before, after]}: fields that changed, or all of what came or went.
    changes = models.JSONField(default=dict)
    # SHA-256 in hexadecimal: of the entry before, and of this one with that.
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64, blank=True)

    objects = models.Manager.from_queryset(AuditEntryQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["seq"], name="posture_auditentry_seq"),
            models.CheckConstraint(
                condition=Q(event__regex=r"^[a-z][a-z0-9_]*$"), name="posture_auditentry_event"
            ),
            models.CheckConstraint(
                condition=Q(seq=None, hash="") | (Q(seq__gte=1) & Q(hash__regex="^[0-9a-f]{64}$")),
                name="posture_auditentry_sealed",
            ),
        ]
        indexes = [
            # The audit page: from a day to a day, by who, by what, newest first.
            models.Index(fields=["at"], name="posture_auditentry_at"),
            models.Index(fields=["who_name", "-id"], name="posture_auditentry_who"),
            models.Index(fields=["event", "-id"], name="posture_auditentry_what"),
            models.Index(fields=["who_kind", "-id"], name="posture_auditentry_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.event}"


class AuditCut(models.Model):
    """The anchor of a chain whose beginning was exported and removed: where it goes on from."""

    # The last entry that was removed, and its hash.
    seq = models.BigIntegerField(unique=True)
    hash = models.CharField(max_length=64)
    entries = models.BigIntegerField()
    # SHA-256 of the exported file, which takes the place of the entries.
    file_hash = models.CharField(max_length=64)
    cut_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(hash__regex="^[0-9a-f]{64}$", file_hash__regex="^[0-9a-f]{64}$")
                & Q(seq__gte=1, entries__gte=1),
                name="posture_auditcut_whole",
            )
        ]

    def __str__(self) -> str:
        return f"cut after {self.seq}"
