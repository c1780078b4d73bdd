"""A request for an exception, and what it is to cover."""

from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from findings.models import Control
from invariants.models.catalogue import Invariant
from invariants.models.exceptions.choices import (
    ExceptionReason,
    ExceptionState,
    ExceptionTarget,
    Mechanism,
    Risk,
    ScopeKind,
)
from invariants.models.exceptions.constraints import IN_FORCE, REQUEST_CONSTRAINTS
from inventory import access
from inventory.models import Account, Organization, OrganizationalUnit

if TYPE_CHECKING:
    from inventory.access import AnyUser

# key=value: 128 and 256 characters, and neither a wildcard nor a variable. PostgreSQL counts to 255.
_TAG = r'^[^=*?$"\\[:cntrl:]]{1,128}=[^*?$"\\[:cntrl:]]{0,255}[^*?$"\\[:cntrl:]]?$'
_OVER = [
    ExceptionState.CLOSED,
    ExceptionState.RENEWED,
    ExceptionState.REJECTED,
    ExceptionState.WITHDRAWN,
]


class ExceptionQuerySet(models.QuerySet["ExceptionRequest"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """One's own; and, once asked for, those that cover an account or OU that one sees.

        Whoever sees a request does not see every place of its scope: read that by its own
        `visible_to`.
        """
        scope = access.scope_of(user)
        mine = Q(requester_id=user.pk) if user.pk else Q(pk__in=[])
        asked = ~Q(state=ExceptionState.DRAFT)
        if scope.everything:
            return self.filter(mine | asked)
        if scope.nothing:
            return self.filter(mine)
        covered = ExceptionScope.objects.visible_to(user).filter(request=OuterRef("pk"))
        return self.filter(mine | (asked & Exists(covered.filter(kind__in=PLACES))))

    def in_force(self) -> Self:
        """Those whose findings count as excepted: seen in place, and neither ended nor revoked."""
        return self.filter(IS_IN_FORCE)

    def zombies(self) -> Self:
        """Ended, and still in place when a collection last looked."""
        return self.filter(IS_ZOMBIE)

    def not_over(self) -> Self:
        return self.exclude(state__in=_OVER)


IS_ENDED = Q(state__in=[ExceptionState.EXPIRED, ExceptionState.REVOKED, ExceptionState.CLOSING])
IS_ZOMBIE = IS_ENDED & Q(seen_at__gt=F("ended_at"))
IS_IN_FORCE = Q(state__in=IN_FORCE) | Q(
    is_emergency=True,
    verified_at__isnull=False,
    state__in=[ExceptionState.EMERGENCY, ExceptionState.APPROVED, ExceptionState.IMPLEMENTING],
)


class ExceptionRequest(models.Model):
    """One exception, from its draft to its end.

    People are ids and names without a foreign key: what they did outlives their accounts. Days are those
    of the organisation's calendar; `until` is the last one on which the exception holds, `asked_until`
    the day that was typed, which nothing shortens. `round` counts submissions: approvals count in theirs.
    """

    State = ExceptionState
    Target = ExceptionTarget
    Reason = ExceptionReason
    Mechanism = Mechanism
    Risk = Risk

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT)
    number = models.PositiveIntegerField()
    state = models.CharField(
        max_length=17, choices=ExceptionState.choices, default=ExceptionState.DRAFT
    )
    state_since = models.DateTimeField()
    round = models.PositiveSmallIntegerField(default=1)
    created_at = models.DateTimeField()
    requester_id = models.BigIntegerField()
    requester_name = models.CharField(max_length=150)

    # What it is an exception from. A finding is known by its key: retention may remove the row.
    target_kind = models.CharField(max_length=9, choices=ExceptionTarget.choices)
    invariant = models.ForeignKey(Invariant, null=True, on_delete=models.PROTECT)
    control = models.ForeignKey(Control, null=True, on_delete=models.PROTECT)
    finding_key = models.BinaryField(max_length=16, null=True)
    severity = models.CharField(max_length=8, choices=Risk.choices)

    # What is asked for.
    title = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=16, choices=ExceptionReason.choices, blank=True)
    justification = models.TextField(blank=True)
    system = models.CharField(max_length=200, blank=True)
    business_owner = models.CharField(max_length=150, blank=True)
    data_classification = models.CharField(max_length=60, blank=True)
    compensating = models.TextField(blank=True)
    remediation_plan = models.TextField(blank=True)
    mechanism = models.CharField(
        max_length=14, choices=Mechanism.choices, default=Mechanism.PRINCIPAL_LIST
    )
    ticket = models.CharField(max_length=300, blank=True)
    starts_on = models.DateField(null=True)
    asked_until = models.DateField(null=True)
    is_emergency = models.BooleanField(default=False)
    # The one that this renews, and how many renewals its line has had with it.
    renews = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="renewals")
    renewal = models.PositiveSmallIntegerField(default=0)

    # What was decided.
    triaged_at = models.DateTimeField(null=True)
    inherent_risk = models.CharField(max_length=8, choices=Risk.choices, blank=True)
    residual_risk = models.CharField(max_length=8, choices=Risk.choices, blank=True)
    risk_note = models.TextField(blank=True)
    assessor_id = models.BigIntegerField(null=True)
    assessor_name = models.CharField(max_length=150, blank=True)
    approved_at = models.DateTimeField(null=True)
    until = models.DateField(null=True)
    granted_at = models.DateTimeField(null=True)
    emergency_until = models.DateTimeField(null=True)

    # What was done.
    implementer_id = models.BigIntegerField(null=True)
    implementer_name = models.CharField(max_length=150, blank=True)
    pull_request = models.CharField(max_length=500, blank=True)
    removal_pull_request = models.CharField(max_length=500, blank=True)
    # As of when a collection last looked for it; since when collections find it in place without a
    # break, when one last did, and what it found.
    looked_at = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    found = models.JSONField(default=dict)
    ended_at = models.DateTimeField(null=True)
    end_reason = models.TextField(blank=True)
    # When a collection, after the end, did not find it any more.
    gone_seen_at = models.DateTimeField(null=True)

    # The clock of the wait that it is in, by which version of the clocks; None: nobody is waited for.
    due_at = models.DateTimeField(null=True)
    clocks_version = models.PositiveSmallIntegerField(default=1)
    review_on = models.DateField(null=True)

    objects = models.Manager.from_queryset(ExceptionQuerySet)()

    class Meta:
        permissions = [
            ("request_exceptions", "Can ask for exceptions"),
            ("triage_exceptions", "Can triage requests for exceptions"),
            ("assess_exceptions", "Can assess the risk of exceptions"),
            ("approve_exceptions", "Can approve exceptions of low and medium risk"),
            ("accept_exception_risk", "Can accept the risk of exceptions for a system"),
            ("approve_high_exceptions", "Can approve exceptions of high and critical risk"),
            ("approve_critical_exceptions", "Can accept critical risks for the organisation"),
            ("implement_exceptions", "Can put exceptions in place and remove them"),
        ]
        constraints = REQUEST_CONSTRAINTS
        indexes = [
            # My requests.
            models.Index(fields=["requester_id", "-id"], name="invariants_exception_mine"),
            # The inbox by due date; what the clock looks at.
            models.Index(
                fields=["organization", "state", "due_at"], name="invariants_exception_inbox"
            ),
        ]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"EX-{self.number:04d}"

    @property
    def is_in_force(self) -> bool:
        """Whether its findings count as excepted; the same as `in_force` of the QuerySet."""
        if self.state in IN_FORCE:
            return True
        waiting = ("EMERGENCY", "APPROVED", "IMPLEMENTING")
        return self.is_emergency and self.verified_at is not None and self.state in waiting

    @property
    def is_zombie(self) -> bool:
        """Ended, and still in place when a collection last looked."""
        is_ended = self.state in ("EXPIRED", "REVOKED", "CLOSING")
        return is_ended and bool(self.seen_at and self.ended_at and self.seen_at > self.ended_at)

    @property
    def was_found_after_removal(self) -> bool:
        """Somebody said that they take it out, and a collection has found it since."""
        return self.state == "CLOSING" and bool(self.seen_at and self.seen_at > self.state_since)


PLACES = (ScopeKind.ACCOUNT, ScopeKind.OU)
RESOURCES = (ScopeKind.RESOURCE, ScopeKind.TAG, ScopeKind.PATTERN)
PRINCIPALS = (ScopeKind.PRINCIPAL, ScopeKind.PRINCIPAL_TAG)


class ExceptionScopeQuerySet(models.QuerySet["ExceptionScope"]):
    def visible_to(self, user: "AnyUser") -> Self:
        """Places that the user sees, or that hold an account that they see; and what is no place."""
        scope = access.scope_of(user)
        if scope.everything:
            return self
        account = access.accounts(user, prefix="account__")
        beneath = Account.objects.visible_to(user).filter(
            organization=OuterRef("ou__organization"), ou__path__startswith=OuterRef("ou__path")
        )
        return self.filter(
            Q(kind=ScopeKind.ACCOUNT) & account
            | Q(kind=ScopeKind.OU) & Exists(beneath)
            | ~Q(kind__in=PLACES)
        )

    def beyond(self, user: "AnyUser") -> Self:
        """Places that the user does not see, or of which they see a part only."""
        if access.scope_of(user).everything:
            return self.none()
        accounts = Account.objects.visible_to(user).filter(pk=OuterRef("account"))
        ous = OrganizationalUnit.objects.visible_to(user).filter(pk=OuterRef("ou"))
        return self.filter(
            Q(~Exists(accounts), kind=ScopeKind.ACCOUNT) | Q(~Exists(ous), kind=ScopeKind.OU)
        )


class ExceptionScope(models.Model):
    """One line of what a request covers. Lines of one kind add up, kinds narrow each other.

    Resources by id, tag and pattern are one kind in this, and principals by ARN and tag are another.
    `value` is the account or OU id, Region, ARN, `key=value` of a tag, pattern with `*` and `?`,
    `service:Action`, or id of a control.
    """

    Kind = ScopeKind

    request = models.ForeignKey(
        ExceptionRequest, on_delete=models.PROTECT, related_name="scope", db_index=False
    )
    kind = models.CharField(max_length=13, choices=ScopeKind.choices)
    value = models.CharField(max_length=2048)
    account = models.ForeignKey(Account, null=True, on_delete=models.PROTECT)
    ou = models.ForeignKey(OrganizationalUnit, null=True, on_delete=models.PROTECT)

    objects = models.Manager.from_queryset(ExceptionScopeQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["request", "kind", "value"], name="invariants_exceptionscope_unique"
            ),
            models.CheckConstraint(
                condition=Q(kind="ACCOUNT", account__isnull=False, ou=None)
                | Q(kind="OU", account=None, ou__isnull=False)
                | (~Q(kind__in=["ACCOUNT", "OU"]) & Q(account=None, ou=None)),
                name="invariants_exceptionscope_place",
            ),
            models.CheckConstraint(condition=~Q(value=""), name="invariants_exceptionscope_value"),
            # As policies.exceptions.tags has it, but for what counts as a letter.
            models.CheckConstraint(
                condition=~Q(kind="PRINCIPAL_TAG")
                | Q(value__regex=_TAG) & ~Q(value__istartswith="aws:"),
                name="invariants_exceptionscope_tag",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.value} of {self.request_id}"

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "value": self.value}
