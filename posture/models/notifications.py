"""What people are told of exceptions: what happened, what each is sent of it, and how they want it."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from invariants.models import ApproverAbsence, ExceptionEvent, ExceptionRequest
from inventory.models import Organization

if TYPE_CHECKING:
    from inventory.access import AnyUser

MANAGE = "posture.manage_webhooks"


class NotificationKind(models.TextChoices):
    """What people choose by. The order is by weight: of several that fit, the first is told."""

    EMERGENCY = "EMERGENCY", "An emergency waits for you"
    WAIT = "WAIT", "You are next"
    OVERDUE = "OVERDUE", "A wait is over its time"
    DELEGATION = "DELEGATION", "Approvals were left to you"
    ZOMBIE = "ZOMBIE", "Ended, and still in place"
    EXPIRY = "EXPIRY", "It has ended"
    DECISION = "DECISION", "A decision on your request"
    MENTION = "MENTION", "Somebody mentions you"
    REMINDER = "REMINDER", "It ends soon"
    REVIEW = "REVIEW", "To be looked at again"
    COMMENT = "COMMENT", "Comments and evidence"
    PROGRESS = "PROGRESS", "How your request gets on"


class Mode(models.TextChoices):
    AT_ONCE = "AT_ONCE", "at once"
    DIGEST = "DIGEST", "in the digest"
    OFF = "OFF", "off"


class Rhythm(models.TextChoices):
    DAILY = "DAILY", "every day"
    WEEKLY = "WEEKLY", "every Monday"


class ChannelService(models.TextChoices):
    SLACK = "SLACK", "Slack"
    TEAMS = "TEAMS", "Microsoft Teams"
    GOOGLE_CHAT = "GOOGLE_CHAT", "Google Chat"
    MATTERMOST = "MATTERMOST", "Mattermost"
    DISCORD = "DISCORD", "Discord"
    JSON = "JSON", "JSON to an address"


class NotificationEvent(models.Model):
    """Something that people are to be told of: the outbox.

    Written in the transaction of what it tells. `key` names it for good, so that nothing is told twice.
    `trigger` is a code of posture.policies.notifications; `state` that of the record then; `actor_id` who
    did it, None for the clock and collections.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    key = models.CharField(max_length=100)
    trigger = models.CharField(max_length=15)
    request = models.ForeignKey(ExceptionRequest, null=True, on_delete=models.CASCADE)
    event = models.ForeignKey(ExceptionEvent, null=True, on_delete=models.CASCADE)
    absence = models.ForeignKey(ApproverAbsence, null=True, on_delete=models.CASCADE)
    state = models.CharField(max_length=17, blank=True)
    actor_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    # When a delivery was written for everybody who is told of it.
    fanned_out_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "key"], name="posture_notificationevent_once"
            ),
            models.CheckConstraint(
                condition=Q(request__isnull=False, absence=None)
                | Q(request=None, event=None, absence__isnull=False),
                name="posture_notificationevent_of",
            ),
        ]
        indexes = [
            # The round that writes the deliveries.
            models.Index(
                fields=["id"],
                condition=Q(fanned_out_at=None),
                name="posture_notification_waiting",
            ),
            # Retention.
            models.Index(fields=["at"], name="posture_notification_age"),
        ]

    def __str__(self) -> str:
        return self.key


class NotificationChannelQuerySet(models.QuerySet["NotificationChannel"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """One's own, and every room for who manages webhooks."""
        mine = Q(owner_id=user.pk) if user.pk else Q(pk__in=[])
        return self.filter(mine | Q(is_room=True)) if user.has_perm(MANAGE) else self.filter(mine)


class NotificationChannel(models.Model):
    """Where else than by mail somebody is told, or a room of several people.

    A room is told of the kinds in `kinds`, of every exception that its owner may see. `address` is
    sealed: it holds a secret of the service.
    """

    Service = ChannelService

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notification_channels"
    )
    name = models.CharField(max_length=80)
    service = models.CharField(max_length=11, choices=ChannelService.choices)
    address = models.TextField()
    # Of the address, to be shown: the host, and the port where it is not 443.
    host = models.CharField(max_length=260)
    is_room = models.BooleanField(default=False)
    kinds = ArrayField(models.CharField(max_length=10), default=list)
    created_at = models.DateTimeField()
    # The newest test, and why it did not arrive; "" where it did.
    tested_at = models.DateTimeField(null=True)
    test_error = models.CharField(max_length=500, blank=True)

    objects = models.Manager.from_queryset(NotificationChannelQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"], name="posture_notificationchannel_unique"
            ),
            models.CheckConstraint(
                condition=Q(is_room=False, kinds__len=0) | Q(is_room=True, kinds__len__gt=0),
                name="posture_notificationchannel_room",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} at {self.host}"


class NotificationSettings(models.Model):
    """How one person wants to be told; who has no row has the defaults.

    Times are those of `time_zone`, "" for the organisation's. Quiet from and until are both there or
    neither; where until is before from, they go over midnight.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="notification_settings",
    )
    time_zone = models.CharField(max_length=64, blank=True)
    quiet_from = models.TimeField(null=True)
    quiet_until = models.TimeField(null=True)
    digest = models.CharField(max_length=6, choices=Rhythm.choices, default=Rhythm.DAILY)
    digest_at = models.TimeField(default="08:00")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_until=None)
                | (
                    Q(quiet_from__isnull=False, quiet_until__isnull=False)
                    & ~Q(quiet_from=models.F("quiet_until"))
                ),
                name="posture_notificationsettings_quiet",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id}"


class NotificationChoice(models.Model):
    """How one person wants one kind by one channel; None is mail. Without a row the default holds."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notification_choices"
    )
    kind = models.CharField(max_length=10, choices=NotificationKind.choices)
    channel = models.ForeignKey(
        NotificationChannel, null=True, on_delete=models.CASCADE, related_name="choices"
    )
    mode = models.CharField(max_length=7, choices=Mode.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "kind", "channel"],
                nulls_distinct=False,
                name="posture_notificationchoice_unique",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.mode} for {self.user_id}"


class NotificationState(models.TextChoices):
    WAITING = "WAITING", "waiting"
    SENDING = "SENDING", "being sent"
    SENT = "SENT", "sent"
    # Not to be sent any more, for the reason that stands in the error.
    SKIPPED = "SKIPPED", "not sent"
    # Tried often enough: the error says how it failed. It can be sent again.
    GIVEN_UP = "GIVEN_UP", "given up"


class NotificationDeliveryQuerySet(models.QuerySet["NotificationDelivery"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """One's own; all of them for who manages webhooks and sees the whole organisation."""
        is_keeper = user.has_perm(MANAGE) and user.has_perm("inventory.see_whole_organization")
        if is_keeper:
            return self
        return self.filter(user_id=user.pk) if user.pk else self.none()

    def due(self, *, now: datetime, lost_before: datetime) -> Self:
        """What waits and whose time has come, and what a worker took before then and never ended."""
        return self.filter(
            Q(state=NotificationState.WAITING, next_try_at__lte=now)
            | Q(state=NotificationState.SENDING, claimed_at__lt=lost_before)
        )


class NotificationDelivery(models.Model):
    """One event for one person by one channel (None is mail): once, and how that went.

    Nothing of its text is kept: it is written when it is sent, of what the person may see then.
    """

    State = NotificationState

    source = models.ForeignKey(
        NotificationEvent, on_delete=models.CASCADE, related_name="deliveries"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications"
    )
    channel = models.ForeignKey(
        NotificationChannel, null=True, on_delete=models.CASCADE, related_name="deliveries"
    )
    kind = models.CharField(max_length=10, choices=NotificationKind.choices)
    is_digest = models.BooleanField(default=False)
    state = models.CharField(
        max_length=8, choices=NotificationState.choices, default=NotificationState.WAITING
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    claimed_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(NotificationDeliveryQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "user", "channel"],
                nulls_distinct=False,
                name="posture_notificationdelivery_once",
            ),
            models.CheckConstraint(
                condition=Q(state="WAITING", next_try_at__isnull=False, ended_at=None)
                | Q(state="SENDING", claimed_at__isnull=False, ended_at=None)
                | Q(state__in=["SENT", "SKIPPED", "GIVEN_UP"], ended_at__isnull=False),
                name="posture_notificationdelivery_state",
            ),
        ]
        indexes = [
            # The round that sends.
            models.Index(
                fields=["next_try_at", "id"],
                condition=Q(state="WAITING"),
                name="posture_notification_due",
            ),
            models.Index(
                fields=["claimed_at"],
                condition=Q(state="SENDING"),
                name="posture_notification_sending",
            ),
            # One's own deliveries, newest first.
            models.Index(fields=["user", "-id"], name="posture_notification_mine"),
            # What was given up, for the page of all.
            models.Index(
                fields=["id"], condition=Q(state="GIVEN_UP"), name="posture_notification_given_up"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source_id} to {self.user_id}: {self.state}"
