"""What the database refuses in the row of a request, whoever writes it; triggers look at more than a row."""

from typing import Final

from django.db import models
from django.db.models import F, Q

from invariants.models.exceptions.choices import ExceptionState, Mechanism

_MOST_RENEWALS = 2
# Nobody has approved these yet, or nobody ever did.
_UNAPPROVED = [
    ExceptionState.DRAFT,
    ExceptionState.SUBMITTED,
    ExceptionState.TRIAGED,
    ExceptionState.RISK_ASSESSED,
    ExceptionState.CHANGES_REQUESTED,
    ExceptionState.EMERGENCY,
    ExceptionState.REJECTED,
    ExceptionState.WITHDRAWN,
]
IN_FORCE = [ExceptionState.ACTIVE, ExceptionState.EXPIRING]

# A condition that compares says that there is something: NULL would pass.
REQUEST_CONSTRAINTS: Final[list[models.BaseConstraint]] = [
    models.UniqueConstraint(fields=["organization", "number"], name="invariants_exception_number"),
    models.CheckConstraint(
        condition=Q(
            target_kind="INVARIANT", invariant__isnull=False, control=None, finding_key=None
        )
        | Q(target_kind="CONTROL", invariant=None, control__isnull=False, finding_key=None)
        | Q(
            target_kind="FINDING",
            invariant=None,
            control__isnull=False,
            finding_key__isnull=False,
        ),
        name="invariants_exception_one_target",
    ),
    # Separation of duties in one row; over the whole record it is ExceptionPart that keeps it.
    models.CheckConstraint(
        condition=(Q(assessor_id=None) | ~Q(assessor_id=F("requester_id")))
        & (Q(implementer_id=None) | ~Q(implementer_id=F("requester_id")))
        & (Q(implementer_id=None) | Q(assessor_id=None) | ~Q(implementer_id=F("assessor_id"))),
        name="invariants_exception_duties_are_separate",
    ),
    models.CheckConstraint(
        condition=Q(residual_risk="", inherent_risk="")
        | (~Q(residual_risk="") & ~Q(inherent_risk="") & Q(assessor_id__isnull=False)),
        name="invariants_exception_risk_has_an_assessor",
    ),
    models.CheckConstraint(
        condition=Q(renews=None, renewal=0)
        | Q(renews__isnull=False, renewal__gte=1, renewal__lte=_MOST_RENEWALS),
        name="invariants_exception_two_renewals",
    ),
    models.CheckConstraint(
        condition=Q(asked_until=None) | Q(starts_on=None) | Q(asked_until__gte=F("starts_on")),
        name="invariants_exception_starts_before_it_ends",
    ),
    models.CheckConstraint(
        condition=Q(until=None) | Q(asked_until__isnull=False, until__lte=F("asked_until")),
        name="invariants_exception_no_longer_than_asked",
    ),
    models.CheckConstraint(
        condition=Q(state__in=[*_UNAPPROVED])
        | (
            ~Q(compensating="")
            & Q(starts_on__isnull=False)
            & Q(until__isnull=False)
            & (Q(approved_at__isnull=False, residual_risk__gt="") | Q(granted_at__isnull=False))
        ),
        name="invariants_exception_approved_is_complete",
    ),
    models.CheckConstraint(
        condition=~Q(state__in=[ExceptionState.APPROVED, ExceptionState.IMPLEMENTING, *IN_FORCE])
        | Q(approved_at__isnull=False, residual_risk__gt=""),
        name="invariants_exception_approved_by_somebody",
    ),
    models.CheckConstraint(
        condition=~Q(state__in=IN_FORCE)
        | (
            Q(verified_at__isnull=False)
            & (
                Q(implementer_id__isnull=False)
                | Q(mechanism=Mechanism.NONE)
                | Q(renews__isnull=False)
            )
        ),
        name="invariants_exception_active_was_seen",
    ),
    models.CheckConstraint(
        condition=~Q(state__in=["EXPIRED", "REVOKED", "CLOSING", "CLOSED", "RENEWED"])
        | Q(ended_at__isnull=False),
        name="invariants_exception_ended_when",
    ),
    models.CheckConstraint(
        condition=~Q(state=ExceptionState.CLOSED)
        | Q(gone_seen_at__isnull=False, gone_seen_at__gte=F("ended_at")),
        name="invariants_exception_closed_was_seen_gone",
    ),
    models.CheckConstraint(
        condition=(Q(granted_at=None) & ~Q(state=ExceptionState.EMERGENCY))
        | Q(
            is_emergency=True,
            granted_at__isnull=False,
            emergency_until__isnull=False,
            emergency_until__gt=F("granted_at"),
        ),
        name="invariants_exception_emergency",
    ),
]
