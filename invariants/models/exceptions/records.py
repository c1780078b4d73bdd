"""What is kept of an exception's life: who did what, approvals, words, evidence, and its effect."""

from typing import TYPE_CHECKING, Self, TypeVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from findings.models import Finding
from invariants.models.exceptions.choices import ExceptionState, Part, Seat, Verb, Via, WhoKind
from invariants.models.exceptions.requests import ExceptionRequest
from inventory import access

if TYPE_CHECKING:
    from inventory.access import AnyUser


_Row = TypeVar("_Row", bound=models.Model)


class _OfRequest(models.QuerySet[_Row]):
    def visible_to(self, user: "AnyUser") -> Self:
        """Of the requests that the user sees."""
        return self.filter(request__in=ExceptionRequest.objects.visible_to(user))


class ExceptionEvent(models.Model):
    """One thing that happened, numbered from 1 in each record. Only ever added to.

    `before` and `after` have the fields that changed. `who_id` is the id of a user as text, "" for the
    clock and collections. `key` names what may happen once only. The database fills the two fields
    of its transaction, and refuses a state that no event of the same transaction tells of.
    """

    request = models.ForeignKey(
        ExceptionRequest, on_delete=models.PROTECT, related_name="events", db_index=False
    )
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    verb = models.CharField(max_length=15, choices=Verb.choices)
    state_before = models.CharField(max_length=17, choices=ExceptionState.choices, blank=True)
    state_after = models.CharField(max_length=17, choices=ExceptionState.choices)
    who_kind = models.CharField(max_length=10, choices=WhoKind.choices)
    who_id = models.CharField(max_length=40, blank=True)
    who_name = models.CharField(max_length=150)
    via = models.CharField(max_length=7, choices=Via.choices)
    address = models.GenericIPAddressField(null=True)
    note = models.TextField(blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    key = models.CharField(max_length=60, blank=True)
    transaction_id = models.BigIntegerField(default=0)
    # When that transaction began: numbers of transactions start anew in a restored database.
    transaction_at = models.DateTimeField(db_default=Now())

    objects = models.Manager.from_queryset(_OfRequest)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["request", "number"], name="invariants_exceptionevent_number"
            ),
            models.UniqueConstraint(
                fields=["request", "key"],
                condition=~Q(key=""),
                name="invariants_exceptionevent_once",
            ),
            models.CheckConstraint(
                condition=Q(who_kind="PERSON") & ~Q(who_id="")
                | ~Q(who_kind="PERSON") & Q(who_id=""),
                name="invariants_exceptionevent_who",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request_id}/{self.number} {self.verb}"


class ExceptionPart(models.Model):
    """The part that a person has on a record, for good. Written by triggers of the database alone."""

    request = models.ForeignKey(
        ExceptionRequest, on_delete=models.PROTECT, related_name="parts", db_index=False
    )
    person_id = models.BigIntegerField()
    part = models.CharField(max_length=11, choices=Part.choices)

    objects = models.Manager.from_queryset(_OfRequest)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["request", "person_id"], name="invariants_exceptionpart_one_part"
            )
        ]

    def __str__(self) -> str:
        return f"{self.person_id} is {self.part} of {self.request_id}"


class ExceptionApproval(models.Model):
    """An approval, or the grant of an emergency. `instead_of_id`: whose right it was, by delegation."""

    request = models.ForeignKey(
        ExceptionRequest, on_delete=models.PROTECT, related_name="approvals", db_index=False
    )
    round = models.PositiveSmallIntegerField()
    seat = models.CharField(max_length=9, choices=Seat.choices)
    person_id = models.BigIntegerField()
    person_name = models.CharField(max_length=150)
    instead_of_id = models.BigIntegerField(null=True)
    instead_of_name = models.CharField(max_length=150, blank=True)
    # The last day that this person agreed to; the earliest of all counts.
    until = models.DateField()
    comment = models.TextField(blank=True)
    at = models.DateTimeField()

    objects = models.Manager.from_queryset(_OfRequest)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["request", "round", "seat"], name="invariants_exceptionapproval_seat"
            ),
            models.UniqueConstraint(
                fields=["request", "round", "person_id"],
                name="invariants_exceptionapproval_person",
            ),
            models.CheckConstraint(
                condition=Q(instead_of_id=None) | ~Q(instead_of_id=F("person_id")),
                name="invariants_exceptionapproval_for_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.seat} of {self.request_id}"


class ExceptionMilestone(models.Model):
    """A step of the plan by which the exception is no longer needed."""

    request = models.ForeignKey(
        ExceptionRequest, on_delete=models.PROTECT, related_name="milestones"
    )
    text = models.CharField(max_length=300)
    due_on = models.DateField()
    done_on = models.DateField(null=True)

    objects = models.Manager.from_queryset(_OfRequest)()

    def __str__(self) -> str:
        return f"{self.text} by {self.due_on}"


class ExceptionComment(models.Model):
    """A comment; `mentions` has `{"id", "name"}` of those whom it names and who see the record."""

    request = models.ForeignKey(ExceptionRequest, on_delete=models.PROTECT, related_name="comments")
    at = models.DateTimeField()
    person_id = models.BigIntegerField()
    person_name = models.CharField(max_length=150)
    text = models.TextField()
    mentions = models.JSONField(default=list)

    objects = models.Manager.from_queryset(_OfRequest)()

    def __str__(self) -> str:
        return f"{self.person_name} on {self.request_id}"


class ExceptionEvidence(models.Model):
    """What is known of a file; the file itself lies outside the web root, under `stored_as`."""

    request = models.ForeignKey(ExceptionRequest, on_delete=models.PROTECT, related_name="evidence")
    name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=100)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    stored_as = models.CharField(max_length=200, unique=True)
    at = models.DateTimeField()
    person_id = models.BigIntegerField()
    person_name = models.CharField(max_length=150)

    objects = models.Manager.from_queryset(_OfRequest)()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(sha256__regex=r"^[0-9a-f]{64}$"),
                name="invariants_exceptionevidence_hash",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.request_id}"


class ApproverAbsence(models.Model):
    """From `since` to `until` (days, both included) the delegate may approve instead of the person."""

    person_id = models.BigIntegerField()
    person_name = models.CharField(max_length=150)
    delegate_id = models.BigIntegerField()
    delegate_name = models.CharField(max_length=150)
    since = models.DateField()
    until = models.DateField()
    said_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(until__gte=F("since")), name="invariants_approverabsence_order"
            ),
            models.CheckConstraint(
                condition=~Q(delegate_id=F("person_id")), name="invariants_approverabsence_another"
            ),
        ]
        indexes = [
            # For whom somebody may approve today.
            models.Index(fields=["delegate_id", "until"], name="invariants_absence_delegate")
        ]

    def __str__(self) -> str:
        return f"{self.delegate_name} for {self.person_name} until {self.until}"


class ExceptedFindingQuerySet(models.QuerySet["ExceptedFinding"]):
    def visible_to(self, user: "AnyUser") -> Self:
        return self.filter(access.accounts(user, prefix="finding__account__"))


class ExceptedFinding(models.Model):
    """An exception in force covers this finding. A finding with none is not marked as excepted.

    Not checked by the database, as retention removes findings by the thousand; what has lost its
    finding goes when the exception is next looked at.
    """

    exception = models.ForeignKey(
        ExceptionRequest, on_delete=models.PROTECT, related_name="excepted", db_index=False
    )
    finding = models.ForeignKey(
        Finding, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    since = models.DateTimeField()

    objects = models.Manager.from_queryset(ExceptedFindingQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["exception", "finding"], name="invariants_exceptedfinding_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.finding_id} by {self.exception_id}"
