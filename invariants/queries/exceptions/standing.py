"""What the table of steps looks at, and who somebody is to an exception."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q

from invariants.models import ApproverAbsence, ExceptionRequest, ExceptionScope
from invariants.models.exceptions import ExceptionState, Part, Seat, Verb, WhoKind
from invariants.policies.exceptions import Facts, Moment, Who, can, steps, tiers
from invariants.policies.exceptions.clocks import Calendar, Times
from invariants.policies.exceptions.guards import LAPSED_DAYS
from inventory.models import Organization

if TYPE_CHECKING:
    from inventory.access import AnyUser

_TO_GRANT = (ExceptionState.SUBMITTED, ExceptionState.TRIAGED)
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
    """What is known of it now (three queries, and two more for a renewal)."""
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
        lapsed=_lapsed(request),
        renewal=request.renewal,
        is_renewal_of_same=_is_same_as_before(request, scope),
        implementer_id=request.implementer_id,
        verified_at=request.verified_at,
        ended_at=request.ended_at,
        clocks_version=request.clocks_version,
        parts={person: Part(part) for person, part in parts},
        approvals={Seat(seat): person for seat, person, _ in approvals},
        represented=frozenset(other for *_, other in approvals if other is not None),
    )


def _is_same_as_before(request: ExceptionRequest, scope: Mapping[str, list[str]]) -> bool:
    """Whether it takes over what is in place for the one that it renews, no wider than that was: then
    nobody has to put it in place again."""
    if request.renews_id is None:
        return False
    same = ExceptionRequest.objects.filter(pk=request.renews_id, mechanism=request.mechanism)
    there = same.filter(verified_at__isnull=False, gone_seen_at=None)
    # What has been taken over, and was lost after that, is put in place by somebody again.
    if not there.exclude(state=ExceptionState.RENEWED).exists():
        return False
    lines = ExceptionScope.objects.filter(request=request.renews_id)
    before = set(lines.values_list("kind", "value"))
    now = {(kind, value) for kind, values in scope.items() for value in values}
    return now <= before and {kind for kind, _ in before} <= scope.keys()


def _lapsed(request: ExceptionRequest) -> str:
    """The last emergency of the same that ran out unapproved, where this one waits to be granted."""
    if not request.is_emergency or request.state not in _TO_GRANT:
        return ""
    places = request.scope.exclude(account=None, ou=None)
    same = ExceptionRequest.objects.filter(
        organization=request.organization_id,
        invariant=request.invariant_id,
        control=request.control_id,
        finding_key=request.finding_key,
        is_emergency=True,
        approved_at=None,
        granted_at__isnull=False,
        ended_at__gte=request.state_since - timedelta(days=LAPSED_DAYS),
        events__verb=Verb.EXPIRE,
    ).exclude(pk=request.pk)
    there = ExceptionScope.objects.filter(request=OuterRef("pk"), value__in=places.values("value"))
    if request.finding_key is None:
        same = same.filter(Exists(there))
    last = same.order_by("-number").first()
    return last.ref if last else ""


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
