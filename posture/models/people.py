from django.conf import settings
from django.db import models


class Profile(models.Model):
    """What Parapet knows of a user beside what Django does; a user without one is a person."""

    class Kind(models.TextChoices):
        PERSON = "PERSON", "Person"
        # Signs in by token only, never on a page.
        SERVICE = "SERVICE", "Service account"
        # A local account for the day on which the identity provider is down; its use is announced.
        BREAK_GLASS = "BREAK_GLASS", "Break-glass account"

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="profile"
    )
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.PERSON)
    # What a service account is for, and whom to ask.
    purpose = models.CharField(max_length=200, blank=True)
    # Has a password that is printed in a terminal: signs in beside the invented organisation alone.
    is_demo = models.BooleanField(default=False)

    class Meta:
        permissions = [
            ("manage_people", "Can manage people, roles and tokens"),
            ("manage_webhooks", "Can manage webhooks"),
            ("read_audit", "Can read the audit log"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind}"


class BreakGlassUse(models.Model):
    """One sign-in with the break-glass account; announced to those who watch over people."""

    username = models.CharField(max_length=150)
    address = models.GenericIPAddressField()
    signed_in_at = models.DateTimeField()
    # To the minute.
    last_seen_at = models.DateTimeField()

    class Meta:
        indexes = [
            # Every page of an administrator asks for those of the last day.
            models.Index(fields=["last_seen_at"], name="posture_break_glass_seen")
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(last_seen_at__gte=models.F("signed_in_at")),
                name="posture_break_glass_order",
            )
        ]

    def __str__(self) -> str:
        return f"{self.username} {self.signed_in_at}"


class Notice(models.Model):
    """A mail to one person about what must not go unnoticed; its text is made when it is sent, so no secret is kept."""

    class Kind(models.TextChoices):
        PASSWORD_RESET = "PASSWORD_RESET", "Password reset"
        BREAK_GLASS = "BREAK_GLASS", "Break-glass account used"
        WEBHOOK_OFF = "WEBHOOK_OFF", "Webhook switched off"

    class State(models.TextChoices):
        WAITING = "WAITING", "waiting"
        SENT = "SENT", "sent"
        FAILED = "FAILED", "failed"

    kind = models.CharField(max_length=14, choices=Kind)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    use = models.ForeignKey(BreakGlassUse, null=True, on_delete=models.CASCADE)
    webhook = models.ForeignKey("posture.Webhook", null=True, on_delete=models.CASCADE)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    requested_at = models.DateTimeField()
    next_try_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # The round that mails what waits.
            models.Index(
                fields=["id"],
                condition=models.Q(state="WAITING"),
                name="posture_notice_waiting",
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="BREAK_GLASS", use__isnull=False, webhook=None)
                | models.Q(kind="PASSWORD_RESET", use=None, webhook=None)
                | models.Q(kind="WEBHOOK_OFF", use=None, webhook__isnull=False),
                name="posture_notice_use",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.user_id} {self.requested_at}"
