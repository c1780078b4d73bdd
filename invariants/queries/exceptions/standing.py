"""What the table of steps looks at, and who somebody is to an exception."""

from collections import defaultdict
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Q

from invariants.models import ApproverAbsence, ExceptionRequest, ExceptionScope
from invariants.models.exceptions import Part, Seat, WhoKind
from invariants.policies.exceptions import Facts, Moment, Who, can, steps, tiers
from invariants.policies.exceptions.clocks import Calendar, Times
from inventory.models import Organization

if TYPE_CHECKING:
    from inventory.access import AnyUser

# What a request has to say, by the words of its form.
ASKS = {
    "title": "title",
    "reason": "reason",
    "justification": "justification",
    "system": "system",
    "business_owner": "business owner",
    "compensating": "what compensates for the risk",
    "remediation_plan": "the plan by which it is no longer needed",
}


def calendar_of(organization: Organization) -> Calendar:
    """Its time zone, and the days off of the installation (POSTURE_HOLIDAYS)."""
    return Calendar(ZoneInfo(organization.time_zone), settings.POSTURE_HOLIDAYS)


def moment_of(organization: Organization, now: datetime) -> Moment:
    return Moment(now, calendar_of(organization).day_of(now))


def facts_of(request: ExceptionRequest) -> Facts:
    """What is known of it now (three queries, and a fourth for a renewal)."""
    scope: dict[str, list[str]] = defaultdict(list)
    for kind, value in request.scope.order_by("kind", "value").values_list("kind", "value"):
        scope[kind].append(value)
    sat = request.approvals.filter(round=request.round)
    approvals = list(sat.values_list("seat", "person_id", "instead_of_id"))
    parts = request.parts.values_list("person_id", "part")
    return Facts(
        state=request.state,
        requester_id=request.requester_id,
        severity=request.severity,
        target_kind=request.target_kind,
        mechanism=request.mechanism,
        asks={words: getattr(request, name) for name, words in ASKS.items()},
        scope={kind: tuple(values) for kind, values in scope.items()},
        starts_on=request.starts_on,
        asked_until=request.asked_until,
        until=request.until,
        inherent_risk=request.inherent_risk,
        residual_risk=request.residual_risk,
        is_emergency=request.is_emergency,
        emergency_until=request.emergency_until,
        renewal=request.renewal,
        is_renewal_of_same=_is_same_as_before(request),
        implementer_id=request.implementer_id,
        verified_at=request.verified_at,
        ended_at=request.ended_at,
        clocks_version=request.clocks_version,
        parts={person: Part(part) for person, part in parts},
        approvals={Seat(seat): person for seat, person, _ in approvals},
        represented=frozenset(other for *_, other in approvals if other is not None),
    )


def _is_same_as_before(request: ExceptionRequest) -> bool:
    """Whether it renews one that was put in place in the same way: then nobody has to do it again."""
    if request.renews_id is None:
        return False
    same = ExceptionRequest.objects.filter(pk=request.renews_id, mechanism=request.mechanism)
    return same.filter(seen_at__isnull=False).exists()


def times_of(request: ExceptionRequest) -> Times:
    return Times(
        state=request.state,
        since=request.state_since,
        risk=request.residual_risk or request.severity,
        is_emergency=request.is_emergency,
        triaged_at=request.triaged_at,
        approved_at=request.approved_at,
        granted_at=request.granted_at,
        ended_at=request.ended_at,
        version=request.clocks_version,
    )


def who_is(user: User, *, today: date, request: ExceptionRequest | None = None) -> Who:
    """The person with their rights, those whom they stand in for today, and whether they see all of
    what a request covers (two queries, a third for who does not see everything)."""
    rights = _rights(user, frozenset(tiers.RIGHTS))
    beyond = ExceptionScope.objects.beyond(user)
    sees_whole = request is None or not beyond.filter(request=request).exists()
    return Who(WhoKind.PERSON, user.pk, rights, _absent(user, today), sees_whole)


def _rights(user: User, wanted: frozenset[str]) -> frozenset[str]:
    return frozenset(right for right in wanted if user.has_perm(right))


def _absent(user: User, today: date) -> dict[int, frozenset[str]]:
    """Who is away and left their approvals to this one: what they may approve themselves, no more.

    A person was asked to decide, so no token of theirs stands in for anybody.
    """
    if hasattr(user, "token_rights"):
        return {}
    away = ApproverAbsence.objects.filter(
        Q(since__lte=today, until__gte=today), delegate_id=user.pk, ended_at=None
    )
    people = User.objects.filter(
        pk__in=away.order_by().values("person_id").distinct(), is_active=True
    )
    return {one.pk: _rights(one, tiers.DELEGABLE) for one in people.order_by("pk")}


def verbs_for(user: "AnyUser", request: ExceptionRequest, *, now: datetime) -> tuple[str, ...]:
    """What this person could do with it now, given that what they say with it is right."""
    if not isinstance(user, User):
        return ()
    at = moment_of(request.organization, now)
    facts, who = facts_of(request), who_is(user, today=at.today, request=request)
    return tuple(
        step.verb.value for step in steps(facts.state) if can(facts, step.verb, who=who, at=at)
    )
