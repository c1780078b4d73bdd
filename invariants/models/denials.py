"""What the organisation's policies have denied, and the calls that changed those policies."""

from typing import TYPE_CHECKING, Self

from django.db import models

from invariants.models.catalogue import Invariant
from inventory import access
from inventory.models import Account, Organization, OrgPolicy

if TYPE_CHECKING:
    from inventory.access import AnyUser


class DeniedBy(models.TextChoices):
    """The kinds of policy that can serve an invariant; stored as Invariant.type has them."""

    SCP = "SERVICE_CONTROL_POLICY", "service control policy"
    RCP = "RESOURCE_CONTROL_POLICY", "resource control policy"
    BOUNDARY = "PERMISSIONS_BOUNDARY", "permissions boundary"


class DenialQuerySet(models.QuerySet["Denial"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """In the accounts that the user sees; of unknown accounts, only for who sees everything."""
        return self.filter(access.accounts(user, prefix="account__"))


class Denial(models.Model):
    """One principal denied one action by one policy in one account, however often.

    `account` relates to a known account; `aws_account_id` is what the event said: the caller's, or for
    a resource control policy the resource's. `policy_arn` is "" where the message names none, and
    `policy` None where nobody knows it. `principal` and `action` are "" in the one row that counts all
    who came once a policy had reached its limit of rows for the day.
    """

    Type = DeniedBy

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, db_index=False)
    policy_type = models.CharField(max_length=60, choices=DeniedBy.choices)
    policy_arn = models.CharField(max_length=700, blank=True)
    policy = models.ForeignKey(OrgPolicy, null=True, on_delete=models.SET_NULL)
    # By a Deny; else for want of an Allow, which no single policy is to blame for.
    is_explicit = models.BooleanField()
    account = models.ForeignKey(Account, null=True, on_delete=models.CASCADE)
    aws_account_id = models.CharField(max_length=12, blank=True)
    # ARN of a role or user, the name of a service, or "anonymous": never of a session.
    principal = models.CharField(max_length=600, blank=True)
    # As policies write it; where the message names none, "PutObject (s3.amazonaws.com)".
    action = models.CharField(max_length=260, blank=True)
    # Of the newest event.
    region = models.CharField(max_length=32, blank=True)
    resource = models.CharField(max_length=400, blank=True)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    # When it was last asked which invariants are served; None: not yet.
    served_at = models.DateTimeField(null=True)

    objects = models.Manager.from_queryset(DenialQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "organization",
                    "policy_arn",
                    "policy_type",
                    "is_explicit",
                    "aws_account_id",
                    "principal",
                    "action",
                ],
                name="invariants_denial_unique",
            ),
            models.CheckConstraint(
                condition=models.Q(last_at__gte=models.F("first_at")),
                name="invariants_denial_first_before_last",
            ),
            models.CheckConstraint(
                condition=models.Q(is_explicit=True) | models.Q(policy_arn=""),
                name="invariants_denial_only_a_deny_is_named",
            ),
        ]
        indexes = [
            # The list, newest first.
            models.Index(
                fields=["organization", "-last_at", "-id"], name="invariants_denial_newest"
            ),
            # What nobody has tied to its invariants yet.
            models.Index(
                fields=["id"],
                condition=models.Q(served_at=None),
                name="invariants_denial_untied",
            ),
        ]

    def __str__(self) -> str:
        return f"denial {self.pk}"


class DenialDayQuerySet(models.QuerySet["DenialDay"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self.filter(access.accounts(user, prefix="denial__account__"))


class DenialDay(models.Model):
    """How often a denial happened on a day (UTC)."""

    denial = models.ForeignKey(
        Denial, on_delete=models.CASCADE, related_name="days", db_index=False
    )
    day = models.DateField()
    count = models.PositiveIntegerField()

    objects = models.Manager.from_queryset(DenialDayQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["denial", "day"], name="invariants_denialday_unique"),
            models.CheckConstraint(
                condition=models.Q(count__gte=1), name="invariants_denialday_counts"
            ),
        ]
        indexes = [
            # Denials of a stretch of days, over all of them.
            models.Index(fields=["day"], name="invariants_denialday_by_day")
        ]

    def __str__(self) -> str:
        return f"{self.denial_id} on {self.day}"


class DenialServesQuerySet(models.QuerySet["DenialServes"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self.filter(access.accounts(user, prefix="denial__account__"))


class DenialServes(models.Model):
    """An invariant that a denial was for: one policy may serve several of them.

    `is_certain`: a statement that serves no other denies the action. Else several may have.
    """

    denial = models.ForeignKey(
        Denial, on_delete=models.CASCADE, related_name="serves", db_index=False
    )
    invariant = models.ForeignKey(Invariant, on_delete=models.CASCADE)
    # Sid, or "statement 2" where it has none; "" where only the policy as a whole is known to serve.
    statement_id = models.CharField(max_length=64, blank=True)
    is_certain = models.BooleanField()

    objects = models.Manager.from_queryset(DenialServesQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["denial", "invariant"], name="invariants_denialserves_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.denial_id} for {self.invariant_id}"


class TakenEvent(models.Model):
    """An event that has been counted, whoever brought it: it is not counted again.

    Kept for as long as the days are, and what is older than that is not taken in at all.
    """

    event_id = models.UUIDField(primary_key=True)
    day = models.DateField()

    class Meta:
        indexes = [
            # Retention.
            models.Index(fields=["day"], name="invariants_takenevent_by_day")
        ]

    def __str__(self) -> str:
        return str(self.event_id)


class TrailFeed(models.Model):
    """One way on which records of CloudTrail come, and how far it reaches: without one, nothing is
    known of denials, which is not the same as none."""

    class Kind(models.TextChoices):
        QUEUE = "QUEUE", "event queue"
        FILES = "FILES", "trail files"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, db_index=False)
    kind = models.CharField(max_length=5, choices=Kind.choices)
    # Since the first: events, denials, named, unnamed, others, changes, twice, old, unreadable.
    counts = models.JSONField(default=dict)
    first_event_at = models.DateTimeField()
    last_event_at = models.DateTimeField()
    taken_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kind"], name="invariants_trailfeed_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(last_event_at__gte=models.F("first_event_at")),
                name="invariants_trailfeed_first_before_last",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.organization_id}"


class OrgChangeEventQuerySet(models.QuerySet["OrgChangeEvent"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self if access.scope_of(user).everything else self.none()


class OrgChangeEvent(models.Model):
    """A call to AWS Organizations that changed a policy, its attachments, or an account's place."""

    event_id = models.UUIDField(primary_key=True)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, db_index=False)
    at = models.DateTimeField()
    name = models.CharField(max_length=40)
    policy_id = models.CharField(max_length=130, blank=True)
    policy_type = models.CharField(max_length=60, blank=True)
    target_id = models.CharField(max_length=68, blank=True)
    by_arn = models.CharField(max_length=2048, blank=True)
    by_name = models.CharField(max_length=256, blank=True)
    source_ip = models.CharField(max_length=128, blank=True)
    # The policy's text that the call set; "" where it set none or CloudTrail leaves it out.
    content = models.TextField(blank=True)
    source = models.CharField(max_length=5, choices=TrailFeed.Kind.choices)

    objects = models.Manager.from_queryset(OrgChangeEventQuerySet)()

    class Meta:
        indexes = [
            # Who changed a policy between two collections; retention.
            models.Index(fields=["organization", "at"], name="invariants_orgchange_by_time")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.event_id}"
