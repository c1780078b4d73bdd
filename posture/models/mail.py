from django.db import models
from django.db.models.functions import Now

from inventory.models import Organization
from posture.models.reviews import WeeklyReview


class ReviewSchedule(models.Model):
    """When a week is frozen, and when its review is mailed to those who asked for it."""

    organization = models.OneToOneField(Organization, primary_key=True, on_delete=models.CASCADE)
    # Of Monday, in the organisation's time zone.
    freeze_at = models.TimeField(default="06:00")
    # Mails go out when the chair publishes; off: by hand only.
    mails_on_publishing = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"Monday {self.freeze_at}"


class Recipient(models.Model):
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    email = models.EmailField()
    name = models.CharField(max_length=150, blank=True)
    # The allow-list: a PDF leaves the house only to those.
    gets_pdf = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    added_by = models.CharField(max_length=150)
    added_at = models.DateTimeField(db_default=Now())

    class Meta:
        permissions = [("manage_recipients", "Can say who gets the weekly review")]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "email"], name="posture_recipient_unique"
            )
        ]

    def __str__(self) -> str:
        return self.email


class Delivery(models.Model):
    """One mail of one review to one address: every attempt is recorded."""

    class State(models.TextChoices):
        WAITING = "WAITING", "waiting"
        SENT = "SENT", "sent"
        FAILED = "FAILED", "failed"

    review = models.ForeignKey(WeeklyReview, on_delete=models.PROTECT, related_name="deliveries")
    email = models.EmailField()
    with_pdf = models.BooleanField(default=False)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    requested_by = models.CharField(max_length=150, blank=True)
    requested_at = models.DateTimeField(db_default=Now())
    next_try_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["review", "email"], name="posture_delivery_unique")
        ]

    def __str__(self) -> str:
        return f"{self.review_id} to {self.email}"


class MailboxMessage(models.Model):
    """A mail that was sent in the demo, where nothing leaves the machine."""

    sent_at = models.DateTimeField(db_default=Now())
    sender = models.CharField(max_length=254)
    recipients = models.JSONField()
    subject = models.CharField(max_length=998)
    text = models.TextField()
    html = models.TextField(blank=True)
    attachments = models.JSONField(default=list)  # [{"name", "type", "bytes"}]

    def __str__(self) -> str:
        return self.subject


class Report(models.Model):
    """A scorecard of an OU as a file, made by a worker when somebody asks for it."""

    class Format(models.TextChoices):
        PDF = "PDF", "PDF"
        CSV = "CSV", "CSV"

    class State(models.TextChoices):
        WAITING = "WAITING", "waiting"
        RUNNING = "RUNNING", "being made"
        DONE = "DONE", "ready"
        FAILED = "FAILED", "failed"

    ou = models.ForeignKey("inventory.OrganizationalUnit", on_delete=models.CASCADE)
    day = models.DateField()
    format = models.CharField(max_length=3, choices=Format.choices)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    done = models.PositiveIntegerField(default=0)  # of `total` parts
    total = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    # Made only of what the person who asked may see; nobody else may fetch it.
    requested_by = models.ForeignKey("auth.User", on_delete=models.CASCADE)
    requested_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    content = models.BinaryField(null=True)
    file_name = models.CharField(max_length=120, blank=True)

    def __str__(self) -> str:
        return f"{self.ou_id} {self.day} {self.format}"
