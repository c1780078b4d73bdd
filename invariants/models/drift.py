from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from inventory import access
from inventory.models import Account, Organization, OrgPolicy

if TYPE_CHECKING:
    from inventory.access import AnyUser


class DriftQuerySet(models.QuerySet["Drift"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """All of it for who sees the whole organisation, else what is on one of their own accounts.

        The text of a policy and what hangs on OUs concern accounts that others may not know of.
        """
        if access.scope_of(user).everything:
            return self
        return self.filter(account__isnull=False).filter(access.accounts(user, prefix="account__"))

    def lasting(self) -> Self:
        return self.filter(ended_at=None)

    def open(self) -> Self:
        """Lasting, accepted by nobody, and more than what exceptions in force ask for."""
        return self.lasting().filter(state=Drift.State.OPEN, is_explained=False)


class Drift(models.Model):
    """One difference between what the catalogue says and what stands in AWS, for as long as it lasts.

    The same row from the first collection that saw it to the last: `key` says what it is about, and
    `first_seen` never moves. `before` and `after` are text for people, JSON where there is any: what the
    catalogue demands, and what was found; "" where there is nothing.
    """

    class Kind(models.TextChoices):
        CONTENT = "CONTENT", "Policy text"
        ATTACHMENT = "ATTACHMENT", "Attachment"
        MISSING_IN_AWS = "MISSING_IN_AWS", "Missing in AWS"
        UNMANAGED = "UNMANAGED", "Unmanaged policy"
        TYPE_DISABLED = "TYPE_DISABLED", "Policy type disabled"
        EFFECTIVE_VALUE = "EFFECTIVE_VALUE", "Value in force"

    class State(models.TextChoices):
        OPEN = "OPEN", "open"
        ACCEPTED = "ACCEPTED", "accepted"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    # Kind, invariant, policy and target: what makes it the same drift in the next collection (hex).
    key = models.CharField(max_length=64)
    invariant = models.ForeignKey(
        "invariants.Invariant", null=True, on_delete=models.PROTECT, related_name="drifts"
    )
    policy = models.ForeignKey(OrgPolicy, null=True, on_delete=models.CASCADE)
    policy_type = models.CharField(max_length=60)
    policy_name = models.CharField(max_length=128, blank=True)
    # The id of the root, an OU or an account; "" where it is about no place.
    target_id = models.CharField(max_length=68, blank=True)
    target_name = models.CharField(max_length=300, blank=True)
    account = models.ForeignKey(Account, null=True, on_delete=models.CASCADE)
    # Of the invariant, or of the worst of several: for the order of the inbox.
    severity = models.CharField(max_length=16)
    summary = models.CharField(max_length=600)
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)
    # For whoever puts it right: `content` of the policy as it has to be, `attach` and `detach` (ids of
    # places), `enable` (a policy type), and `hangs`, the targets as the catalogue would have to have them;
    # what does not apply is left out.
    restore = models.JSONField(default=dict)
    # Refs of the exceptions whose carve-outs are part of it; explained: it is nothing else.
    exceptions = models.JSONField(default=list)
    is_explained = models.BooleanField(default=False)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    # The last complete reading without it, so that whoever changed it did so since; null: there is none.
    absent_at = models.DateTimeField(null=True)
    # When this text was first found: a drift that changes again was changed by somebody again.
    changed_since = models.DateTimeField()
    changed_by = models.CharField(max_length=300, blank=True)
    changed_at = models.DateTimeField(null=True)
    event_id = models.CharField(max_length=64, blank=True)
    event_name = models.CharField(max_length=64, blank=True)
    # Why it is not known who did it; "" where it is known, or nobody has asked yet.
    who_note = models.CharField(max_length=500, blank=True)
    who_asked_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    owner = models.CharField(max_length=150, blank=True)
    note = models.TextField(blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_by_name = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)
    decided_why = models.TextField(blank=True)

    objects = models.Manager.from_queryset(DriftQuerySet)()

    class Meta:
        permissions = [("manage_drift", "Can accept drift and say who looks after it")]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "key"],
                condition=Q(ended_at=None),
                name="invariants_drift_one_lasting",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=models.F("first_seen")),
                name="invariants_drift_first_before_end",
            ),
            models.CheckConstraint(
                condition=~Q(state="ACCEPTED")
                | (Q(decided_at__isnull=False) & ~Q(decided_by_name="") & ~Q(decided_why="")),
                name="invariants_drift_accepted_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(is_explained=False) | ~Q(exceptions=[]),
                name="invariants_drift_explained_by_some",
            ),
        ]
        indexes = [
            # The inbox and the badge: what lasts.
            models.Index(
                fields=["organization", "first_seen"],
                condition=Q(ended_at=None),
                name="invariants_drift_lasting",
            ),
            # The page of an invariant: all of its drift, ended drift as well.
            models.Index(fields=["invariant", "-first_seen"], name="invariants_drift_of"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key[:12]}"


class DriftRun(models.Model):
    """One comparison of the catalogue with AWS; one that could not be made says why, and changed nothing."""

    class State(models.TextChoices):
        COMPLETE = "COMPLETE", "complete"
        SKIPPED = "SKIPPED", "not compared"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State.choices)
    why = models.CharField(max_length=600, blank=True)
    # opened, lasting, ended, held (unreadable, so neither), and how many policies of which class.
    counts = models.JSONField(default=dict)

    class Meta:
        indexes = [
            # As of when the inbox is, and when something was last not there.
            models.Index(fields=["organization", "-at", "-id"], name="invariants_driftrun_newest")
        ]

    def __str__(self) -> str:
        return f"drift of {self.organization_id} at {self.at:%Y-%m-%d %H:%M:%S}"


class EffectivePolicyReading(models.Model):
    """What DescribeEffectivePolicy says is in force, asked of one account for all with the same policies.

    `stack` (hex) stands for the policies of one type along a path, with their text and order.
    """

    class State(models.TextChoices):
        KNOWN = "KNOWN", "known"
        DENIED = "DENIED", "denied"
        UNAVAILABLE = "UNAVAILABLE", "not available"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    policy_type = models.CharField(max_length=60)
    stack = models.CharField(max_length=64)
    account_id = models.CharField(max_length=12)
    state = models.CharField(max_length=12, choices=State.choices)
    # JSON without operators; {} where nothing is in force.
    value = models.JSONField(default=dict)
    why = models.CharField(max_length=600, blank=True)
    as_of = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "policy_type", "stack"],
                name="invariants_effectivereading_unique",
            )
        ]

    def __str__(self) -> str:
        return f"{self.policy_type} {self.stack[:12]}"
