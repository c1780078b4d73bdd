"""What was approved beside what is deployed: where the two differ, and for how long."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import F, Q

from invariants.models.catalogue import Invariant
from invariants.models.exceptions.choices import ExceptionState
from invariants.models.exceptions.requests import ExceptionRequest
from inventory import access
from inventory.models import Account, Organization, OrgPolicy

if TYPE_CHECKING:
    from inventory.access import AnyUser

_DRAFT = ExceptionState.DRAFT


class MismatchKind(models.TextChoices):
    """The gravest first."""

    ZOMBIE = "ZOMBIE", "ended, still deployed"
    NOT_APPROVED = "NOT_APPROVED", "deployed, not approved"
    NOT_DEPLOYED = "NOT_DEPLOYED", "approved, not deployed"
    RE_REVIEW = "RE_REVIEW", "to be looked at again"


class MismatchCause(models.TextChoices):
    """Why an exception has to be looked at again."""

    OU_MOVE = "OU_MOVE", "an account of its scope is in another OU"
    POLICY = "POLICY", "the policy that carries it says something else"
    SEVERITY = "SEVERITY", "the severity is another"
    VALUE = "VALUE", "a finding of its scope fails by another value"


class MismatchOwner(models.TextChoices):
    """Who is to act."""

    IMPLEMENTER = "IMPLEMENTER", "who put it in place"
    PLATFORM = "PLATFORM", "platform team"
    INVARIANT_OWNER = "INVARIANT_OWNER", "owner of the invariant"
    REQUESTER = "REQUESTER", "who asked for it"
    APPROVER = "APPROVER", "approvers of its tier"


class ExceptionMismatchQuerySet(models.QuerySet["ExceptionMismatch"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """All of it for who sees the whole organisation; else what is about an exception that one sees,
        or about one of one's own accounts alone.

        What is deployed for several accounts names policies and accounts that others may not know of.
        """
        scope = access.scope_of(user)
        if scope.everything:
            return self
        seen = ExceptionRequest.objects.visible_to(user).exclude(state=_DRAFT)
        own = Q(account__isnull=False) & access.accounts(user, prefix="account__")
        return self.filter(own | (Q(exception__in=seen) & ~Q(kind=MismatchKind.NOT_APPROVED)))

    def lasting(self) -> Self:
        return self.filter(ended_at=None)


class ExceptionMismatch(models.Model):
    """One difference between what was approved and what stands in AWS, for as long as it lasts.

    The same row from the first collection that saw it to the last: `key` says what it is about, and
    `first_seen` never moves. Where something could not be read, it stays as it was. `exception` is None
    where nobody ever asked for what is deployed; `account` is set where it is about one account alone,
    `accounts` counts all. `mechanism` is one of a to f, "" where no policy carries it. `evidence` holds
    what was found, with names of policies and accounts: for who sees the whole organisation.
    """

    Kind = MismatchKind
    Cause = MismatchCause
    Owner = MismatchOwner

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    kind = models.CharField(max_length=12, choices=MismatchKind.choices)
    cause = models.CharField(max_length=8, choices=MismatchCause.choices, blank=True)
    # Kind and what it is about: what makes it the same in the next collection (SHA-256, hex).
    key = models.CharField(max_length=64)
    exception = models.ForeignKey(
        ExceptionRequest, null=True, on_delete=models.PROTECT, related_name="mismatches"
    )
    invariant = models.ForeignKey(
        Invariant, null=True, on_delete=models.PROTECT, related_name="exception_mismatches"
    )
    account = models.ForeignKey(Account, null=True, on_delete=models.CASCADE)
    accounts = models.PositiveIntegerField(default=0)
    policy = models.ForeignKey(OrgPolicy, null=True, on_delete=models.SET_NULL)
    policy_name = models.CharField(max_length=128, blank=True)
    mechanism = models.CharField(max_length=1, blank=True)
    condition_key = models.CharField(max_length=200, blank=True)
    value = models.TextField(blank=True)
    severity = models.CharField(max_length=16)
    owner_part = models.CharField(max_length=15, choices=MismatchOwner.choices)
    owner = models.CharField(max_length=150)
    summary = models.CharField(max_length=600)
    remedy = models.CharField(max_length=600)
    evidence = models.JSONField(default=dict)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # Of a re-review: who looked at it again, and what they said.
    answered_by = models.CharField(max_length=150, blank=True)
    answer = models.TextField(blank=True)

    objects = models.Manager.from_queryset(ExceptionMismatchQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "key"],
                condition=Q(ended_at=None),
                name="invariants_exceptionmismatch_one_lasting",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("first_seen")),
                name="invariants_exceptionmismatch_first_before_end",
            ),
            models.CheckConstraint(
                condition=Q(kind="RE_REVIEW", exception__isnull=False) & ~Q(cause="")
                | ~Q(kind="RE_REVIEW") & Q(cause=""),
                name="invariants_exceptionmismatch_cause",
            ),
            models.CheckConstraint(
                condition=Q(kind="NOT_APPROVED") | Q(exception__isnull=False),
                name="invariants_exceptionmismatch_of_an_exception",
            ),
        ]
        indexes = [
            # The inbox and its count: what lasts.
            models.Index(
                fields=["organization", "kind", "first_seen"],
                condition=Q(ended_at=None),
                name="invariants_mismatch_lasting",
            ),
            # The page of an exception: all of its own, ended ones as well.
            models.Index(fields=["exception", "-first_seen"], name="invariants_mismatch_of"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key[:12]}"


class ReconciliationRun(models.Model):
    """One comparison of exceptions with what is deployed.

    `counts` of a complete one has `carve_outs` (deployed, beyond what the catalogue itself has), of these
    `approved`, and the lasting items by kind in lower case. One that was not complete has none: nothing
    was judged, `why` says what was not read.
    """

    class State(models.TextChoices):
        COMPLETE = "COMPLETE", "complete"
        PARTIAL = "PARTIAL", "partial"
        FAILED = "FAILED", "failed"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State.choices)
    why = models.TextField(blank=True)
    counts = models.JSONField(default=dict)

    class Meta:
        indexes = [
            # As of when the page is.
            models.Index(fields=["organization", "-at", "-id"], name="invariants_reconcile_newest")
        ]

    def __str__(self) -> str:
        return f"exceptions of {self.organization_id} at {self.at:%Y-%m-%d %H:%M:%S}"


class ExceptionBaseline(models.Model):
    """What an exception was approved under, as it was when it was last compared.

    `places`: the OU of each account of its scope, by AWS's ids. `severity` of what it is an exception
    from. `carriers`: digest of the statement that carries it, without the exemptions themselves, by
    policy and statement; empty before it was first found.
    """

    exception = models.OneToOneField(
        ExceptionRequest, primary_key=True, on_delete=models.CASCADE, related_name="baseline"
    )
    taken_at = models.DateTimeField()
    places = models.JSONField(default=dict)
    severity = models.CharField(max_length=16, blank=True)
    carriers = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"baseline of {self.exception_id}"


class ExceptionValue(models.Model):
    """By what a finding in the scope of an exception fails, as it was when it was last compared.

    `value` is a digest of the values in the finding, `content_hash` that of the whole finding: while it
    is the same nothing else need be read.
    """

    exception = models.ForeignKey(
        ExceptionRequest, on_delete=models.CASCADE, related_name="values_seen", db_index=False
    )
    finding_key = models.BinaryField(max_length=16)
    content_hash = models.BinaryField(max_length=16)
    value = models.BinaryField(max_length=16)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["exception", "finding_key"], name="invariants_exceptionvalue_unique"
            )
        ]

    def __str__(self) -> str:
        return f"value under {self.exception_id}"
