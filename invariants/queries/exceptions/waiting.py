"""What waits for a person, as filters: the count in the navigation reads them on every page.

The table of steps says who may do what with one request; here the same is asked of all of them. A test
compares the two. Differences between what was approved and what is deployed wait as well. One that says
what a request waits for stands in its place: nothing is counted twice.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.contrib.auth.models import User
from django.db.models import DateField, DateTimeField, Exists, F, Func, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast

from invariants.models import (
    ApproverAbsence,
    ExceptionApproval,
    ExceptionMismatch,
    ExceptionPart,
    ExceptionRequest,
    ExceptionScope,
)
from invariants.models.exceptions import ExceptionState as State
from invariants.models.exceptions import Mechanism, Part, Risk
from invariants.models.exceptions import MismatchKind as Kind
from invariants.models.exceptions import MismatchOwner as Owner
from invariants.models.exceptions.reconciliation import ExceptionMismatchQuerySet
from invariants.models.exceptions.requests import ExceptionQuerySet
from invariants.policies.exceptions import tiers
from inventory.access import AnyUser
from inventory.models import TeamMembership

_TO_APPROVE: Final = Q(state__in=[State.RISK_ASSESSED, State.EMERGENCY])
_TO_GRANT: Final = Q(state__in=[State.SUBMITTED, State.TRIAGED], is_emergency=True)
# What whoever puts exceptions in place, and removes them, is told by the difference itself.
_WORK: Final = (Kind.NOT_DEPLOYED, Kind.ZOMBIE)
_OWN_INVARIANTS: Final = "invariants.manage_invariants"
_BY_POLICY: Final = ~Q(mechanism=Mechanism.NONE)
# Put in place already, by whoever put the one before it in place.
_SAME_AS_BEFORE: Final = Q(
    renews__isnull=False, renews__mechanism=F("mechanism"), renews__seen_at__isnull=False
)


def for_person(user: AnyUser, *, now: datetime) -> ExceptionQuerySet:
    """Those that this person sees and can take further now. Asks the database nothing itself."""
    if not isinstance(user, User):
        return ExceptionRequest.objects.none()
    return ExceptionRequest.objects.visible_to(user).filter(_waits(user, now))


def items_for(user: AnyUser, *, now: datetime) -> ExceptionMismatchQuerySet:
    """The differences that last, and that are this person's to put right. Asks the database nothing
    itself.

    Who put an exception in place takes it out again, or somebody else where that person may no longer.
    What nobody approved is for the team that the invariant names as its owner, and for whoever manages
    invariants; another look for the approvers of its tier.
    """
    if not isinstance(user, User):
        return ExceptionMismatch.objects.none()
    owned = Q(pk__in=[])
    for part in _owns(user):
        owned |= part
    return ExceptionMismatch.objects.visible_to(user).lasting().filter(owned)


def _owns(user: User) -> Iterator[Q]:
    # Where there is no exception nobody has asked.
    others = Q(exception=None) | ~Q(exception__requester_id=user.pk)
    yield Q(owner_part=Owner.REQUESTER, exception__requester_id=user.pk)
    if user.has_perm(tiers.IMPLEMENT):
        held = ExceptionPart.objects.filter(request=OuterRef("exception"), person_id=user.pk)
        is_free = Q(~Exists(held.exclude(part=Part.IMPLEMENTER))) | Q(kind=Kind.ZOMBIE)
        yield Q(owner_part=Owner.PLATFORM) & is_free & others
        theirs = Q(exception__implementer_id=user.pk)
        nobodys = ~Q(exception__implementer_id__in=holders(tiers.IMPLEMENT)) & is_free & others
        yield Q(owner_part=Owner.IMPLEMENTER) & (theirs | nobodys)
    teams = TeamMembership.objects.filter(user_id=user.pk).order_by().values("team__slug")
    is_owner = Q() if user.has_perm(_OWN_INVARIANTS) else Q(owner__in=teams)
    yield Q(owner_part=Owner.INVARIANT_OWNER) & is_owner
    for risk, seats in tiers.SEATS.items():
        if any(user.has_perm(tiers.RIGHT_OF[seat]) for seat in seats):
            yield Q(owner_part=Owner.APPROVER, severity=risk) & others


def _waits(user: User, now: datetime) -> Q:
    others = ~Q(requester_id=user.pk)
    own = Q(state=State.CHANGES_REQUESTED, requester_id=user.pk)
    decided = Q(pk__in=[])
    for part in (*_reviews(user), *_approvals(user, now), *_works(user, now)):
        decided |= part
    return own | (others & decided)


def _reviews(user: User) -> Iterator[Q]:
    if user.has_perm(tiers.TRIAGE):
        yield Q(state=State.SUBMITTED)
    if user.has_perm(tiers.ASSESS):
        unassessed = Q(state=State.TRIAGED) | Q(state=State.EMERGENCY, residual_risk="")
        yield unassessed & _free_for(user, Part.ASSESSOR) & _sees_whole(user)


def _works(user: User, now: datetime) -> Iterator[Q]:
    if not user.has_perm(tiers.IMPLEMENT):
        return
    to_begin = Q(state=State.APPROVED) & ~_SAME_AS_BEFORE
    to_begin |= Q(state=State.EMERGENCY, implementer_id=None)
    said = items_for(user, now=now).filter(exception=OuterRef("pk"), kind__in=_WORK)
    is_unsaid = _BY_POLICY & Q(~Exists(said.order_by()))
    yield is_unsaid & to_begin & _free_for(user, Part.IMPLEMENTER)
    yield is_unsaid & Q(state__in=[State.EXPIRED, State.REVOKED])


def _approvals(user: User, now: datetime) -> Iterator[Q]:
    """Where one of the seats that its risk needs is free, and this person can take it."""
    free = _free_for(user, Part.APPROVER) & _sees_whole(user)
    sat = ExceptionApproval.objects.filter(request=OuterRef("pk"), round=OuterRef("round"))
    free &= Q(~Exists(sat.filter(Q(person_id=user.pk) | Q(instead_of_id=user.pk))))
    for risk, seats in tiers.SEATS.items():
        for seat in seats:
            may = _may(user, tiers.RIGHT_OF[seat], now)
            is_free = Q(~Exists(sat.filter(seat=seat)), residual_risk=risk)
            yield _TO_APPROVE & is_free & free & may
    for right in sorted(set(tiers.GRANTS.values())):
        risks = [Risk(risk) for risk, granted_by in tiers.GRANTS.items() if granted_by == right]
        yield _TO_GRANT & Q(severity__in=risks) & free & _may(user, right, now)


def _sees_whole(user: User) -> Q:
    """They see every place that it covers."""
    return Q(~Exists(ExceptionScope.objects.beyond(user).filter(request=OuterRef("pk"))))


def _free_for(user: User, part: Part) -> Q:
    """They have no other part on the record."""
    held = ExceptionPart.objects.filter(request=OuterRef("pk"), person_id=user.pk)
    return Q(~Exists(held.exclude(part=part)))


def _may(user: User, right: str, now: datetime) -> Q:
    """They have the right, or stand in today for somebody who has it and no other part."""
    return Q() if user.has_perm(right) else Q(Exists(_left_to(user, right, now)))


def _left_to(user: User, right: str, now: datetime) -> "QuerySet[ApproverAbsence]":
    zone = Func(
        OuterRef("organization__time_zone"),
        Value(now, DateTimeField()),
        function="timezone",
        output_field=DateTimeField(),
    )
    today = Cast(zone, DateField())
    away = ApproverAbsence.objects.filter(delegate_id=user.pk, ended_at=None)
    away = away.filter(since__lte=today, until__gte=today)
    other = ExceptionPart.objects.filter(
        request=OuterRef(OuterRef("pk")), person_id=OuterRef("person_id")
    ).exclude(part=Part.APPROVER)
    # What one may approve counts once, by whomever.
    sat = ExceptionApproval.objects.filter(
        Q(person_id=OuterRef("person_id")) | Q(instead_of_id=OuterRef("person_id")),
        request=OuterRef(OuterRef("pk")),
        round=OuterRef(OuterRef("round")),
    )
    return away.filter(
        ~Q(person_id=OuterRef("requester_id")),
        ~Exists(other),
        ~Exists(sat),
        person_id__in=holders(right),
    )


def holders(right: str) -> "QuerySet[User, int]":
    """Who has a right, by "app.codename", and can sign in; by primary key, for a subquery."""
    app, _, codename = right.partition(".")
    of_group = Q(
        groups__permissions__codename=codename,
        groups__permissions__content_type__app_label=app,
    )
    of_own = Q(user_permissions__codename=codename, user_permissions__content_type__app_label=app)
    able = User.objects.filter(Q(is_superuser=True) | of_group | of_own, is_active=True)
    return able.order_by().values_list("pk", flat=True)
