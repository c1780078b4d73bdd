import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from findings.models import Severity
from inventory import access
from inventory.models import Organization

if TYPE_CHECKING:
    from inventory.access import AnyUser


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """All of them for who sees the whole organisation and manages them; else one's own."""
        if not user.has_perm("posture.manage_webhooks"):
            return self.none()
        return self if access.scope_of(user).everything else self.filter(owner_id=user.pk)

    def told_of(self, event: str) -> Self:
        return self.filter(is_active=True, events__contains=[event])


class Webhook(models.Model):
    """An address that is told of events, in a signed request.

    It is told what its owner may see at that moment, and nothing else: so the address never changes.
    `address`, `secret` and `previous_secret` are sealed; an address may hold a secret of its own.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    name = models.CharField(max_length=80)
    address = models.TextField()
    # Of the address, to be shown: the host, and the port where it is not 443.
    host = models.CharField(max_length=260)
    events = ArrayField(models.CharField(max_length=40))
    secret = models.TextField()
    # Signed with as well until then, so that a receiver can change over.
    previous_secret = models.TextField(blank=True)
    previous_until = models.DateTimeField(null=True)
    is_active = models.BooleanField(default=True)
    # Why it is off, where Parapet did it; "" where a person did.
    off_reason = models.CharField(max_length=300, blank=True)
    off_at = models.DateTimeField(null=True)
    # Since when nothing has arrived; None where the newest attempt did.
    failing_since = models.DateTimeField(null=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhooks"
    )
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()

    objects = models.Manager.from_queryset(WebhookQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="posture_webhook_unique"),
            models.CheckConstraint(
                condition=Q(events__len__gt=0), name="posture_webhook_has_events"
            ),
            models.CheckConstraint(
                condition=Q(previous_secret="", previous_until=None)
                | (~Q(previous_secret="") & Q(previous_until__isnull=False)),
                name="posture_webhook_previous_secret",
            ),
            models.CheckConstraint(
                condition=Q(is_active=True, off_at=None, off_reason="")
                | Q(is_active=False, off_at__isnull=False),
                name="posture_webhook_off",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} to {self.host}"


def _new_id() -> str:
    return f"evt_{uuid.uuid4().hex}"


class WebhookEventQuerySet(models.QuerySet["WebhookEvent"]):
    def announce(
        self, event: str, payload: dict[str, Any], *, organization: Organization, now: datetime
    ) -> "WebhookEvent | None":
        """Note in the caller's transaction that something happened; None where nobody asks for it.

        One query, and one more where somebody does.
        """
        if not Webhook.objects.told_of(event).filter(organization=organization).exists():
            return None
        return self.create(organization=organization, type=event, payload=payload, happened_at=now)


class WebhookEvent(models.Model):
    """Something that happened. `payload` is what to look it up by, and never leaves the house."""

    event_id = models.CharField(max_length=40, unique=True, default=_new_id)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    type = models.CharField(max_length=40)
    payload = models.JSONField(default=dict)
    happened_at = models.DateTimeField()
    # When a delivery was written for every webhook that is told of it.
    fanned_out_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(WebhookEventQuerySet)()

    class Meta:
        indexes = [
            # The round that writes the deliveries.
            models.Index(
                fields=["id"], condition=Q(fanned_out_at=None), name="posture_webhookevent_waiting"
            ),
            # Retention.
            models.Index(fields=["happened_at"], name="posture_webhookevent_age"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def due(self, *, now: datetime, lost_before: datetime) -> Self:
        """What waits and whose time has come, and what a worker took before then and never ended."""
        return self.filter(
            Q(state=DeliveryState.WAITING, next_try_at__lte=now)
            | Q(state=DeliveryState.SENDING, claimed_at__lt=lost_before)
        )


class DeliveryState(models.TextChoices):
    WAITING = "WAITING", "waiting"
    SENDING = "SENDING", "being sent"
    DELIVERED = "DELIVERED", "delivered"
    # Tried often enough, or not to be sent any more: the error says which. It can be replayed.
    GIVEN_UP = "GIVEN_UP", "given up"


class WebhookDelivery(models.Model):
    """One event for one webhook: what is sent, and how that went.

    The body is written once, with what the owner saw then (`scope`); it is sent only while the owner
    still sees the same.
    """

    State = DeliveryState

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.ForeignKey(WebhookEvent, on_delete=models.CASCADE, related_name="deliveries")
    body = models.TextField()
    scope = models.CharField(max_length=64)
    state = models.CharField(
        max_length=9, choices=DeliveryState.choices, default=DeliveryState.WAITING
    )
    # Of this round: a replay begins anew.
    attempts = models.PositiveSmallIntegerField(default=0)
    replays = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    claimed_at = models.DateTimeField(null=True)
    status_code = models.PositiveSmallIntegerField(null=True)  # of the newest answer
    error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(WebhookDeliveryQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["webhook", "event"], name="posture_webhookdelivery_unique"
            ),
            models.CheckConstraint(
                condition=Q(state="WAITING", next_try_at__isnull=False, ended_at=None)
                | Q(state="SENDING", claimed_at__isnull=False, ended_at=None)
                | Q(state__in=["DELIVERED", "GIVEN_UP"], ended_at__isnull=False),
                name="posture_webhookdelivery_state",
            ),
        ]
        indexes = [
            # The round that sends.
            models.Index(
                fields=["next_try_at", "id"],
                condition=Q(state="WAITING"),
                name="posture_webhookdelivery_due",
            ),
            models.Index(
                fields=["claimed_at"],
                condition=Q(state="SENDING"),
                name="posture_webhookdelivery_sent",
            ),
            # The webhook's page, newest first, and its failures.
            models.Index(fields=["webhook", "-id"], name="posture_webhookdelivery_list"),
            models.Index(
                fields=["webhook", "id"],
                condition=Q(state="GIVEN_UP"),
                name="posture_webhookdelivery_lost",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} to {self.webhook_id}: {self.state}"


class FindingNews(models.Model):
    """Findings that opened, closed or changed their workflow, and have not been announced yet.

    Written by triggers of the findings' table (migration *_finding_news), whoever writes there, and
    only while an active webhook is told of such events; one row for what one statement stored of a
    cell, or for one finding that changed.
    """

    # A code of posture.policies.webhooks.
    kind = models.CharField(max_length=40)
    # Without checks of their own: they would cost each finding that is stored.
    account_id = models.BigIntegerField()
    control_id = models.BigIntegerField()
    severity = models.CharField(max_length=13, choices=Severity.choices)
    count = models.PositiveIntegerField()
    # The first few of them.
    finding_ids = ArrayField(models.BigIntegerField())
    at = models.DateTimeField(db_default=Now())
    event = models.ForeignKey(WebhookEvent, null=True, on_delete=models.CASCADE)

    class Meta:
        indexes = [
            # The round that gathers them.
            models.Index(
                fields=["kind"], condition=Q(event=None), name="posture_findingnews_waiting"
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.kind} of {self.account_id}"
