"""Who is told of something that happened to an exception: people and kinds, by the table of policies."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from django.contrib.auth.models import User
from django.db.models import Q

from invariants.models import ApproverAbsence, ExceptionRequest
from invariants.models.exceptions import ExceptionState, Verb
from invariants.policies.exceptions import Facts, Moment, can, tiers
from invariants.queries import exceptions
from posture.models import NotificationEvent, Profile
from posture.policies import notifications as policies
from posture.policies.notifications import Audience

# Rights of those who may be next; the requester and delegates come besides.
_RIGHTS: Final[Mapping[Verb, tuple[str, ...]]] = MappingProxyType(
    {
        Verb.TRIAGE: (tiers.TRIAGE,),
        Verb.ASSESS: (tiers.ASSESS,),
        Verb.APPROVE: tuple(sorted(tiers.DELEGABLE)),
        Verb.GRANT: tuple(sorted(tiers.DELEGABLE)),
        Verb.IMPLEMENT: (tiers.IMPLEMENT,),
        Verb.REMOVE: (tiers.IMPLEMENT,),
        Verb.SUBMIT: (),
    }
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked at for one source: who acted is told of nothing."""

    source: NotificationEvent
    request: ExceptionRequest
    facts: Facts
    at: Moment


def of(source: NotificationEvent, *, now: datetime) -> dict[int, str]:
    """The kind that each person is told, by id of a user who may see the record.

    Of several kinds the first in the table's order. Some queries for each person who may be next.
    """
    if source.absence is not None:
        return _delegate(source)
    request = source.request
    if request is None:
        return {}
    at = exceptions.moment_of(request.organization, now)
    asked = Asked(source, request, exceptions.facts_of(request), at)
    found: dict[int, str] = {}
    for rule in policies.rules_of(source.trigger):
        kind = policies.told_as(rule.kind.value, is_emergency=request.is_emergency)
        for person in _AUDIENCES[rule.audience](asked):
            if person not in found or policies.WEIGHT[kind] < policies.WEIGHT[found[person]]:
                found[person] = kind
    found.pop(source.actor_id or 0, None)
    return {pk: kind for pk, kind in sorted(found.items()) if _may_be_told(pk, request)}


def kinds_of(source: NotificationEvent) -> tuple[str, ...]:
    """Every kind that it is to anybody: what rooms are told by, the weightiest first."""
    is_emergency = source.request is not None and source.request.is_emergency
    kinds = {
        policies.told_as(rule.kind.value, is_emergency=is_emergency)
        for rule in policies.rules_of(source.trigger)
    }
    return tuple(sorted(kinds, key=policies.WEIGHT.__getitem__))


def is_seen(user: User, source: NotificationEvent) -> bool:
    """Whether the person may see what it is about, as of now."""
    if not user.is_active:
        return False
    if source.absence_id is not None:
        return source.absence is not None and source.absence.delegate_id == user.pk
    seen = ExceptionRequest.objects.visible_to(user)
    return source.request_id is not None and seen.filter(pk=source.request_id).exists()


def next_step(user: User, request: ExceptionRequest, *, now: datetime) -> Verb | None:
    """What is waited for that this person can do now; None where that is nothing."""
    at = exceptions.moment_of(request.organization, now)
    return _next_step(user, request, exceptions.facts_of(request), at)


def _next_step(user: User, request: ExceptionRequest, facts: Facts, at: Moment) -> Verb | None:
    who = exceptions.who_is(user, today=at.today, request=request)
    steps = [verb for verb in _steps(request) if can(facts, verb, who=who, at=at)]
    return steps[0] if steps else None


def _steps(request: ExceptionRequest) -> tuple[Verb, ...]:
    wanted = policies.NEXT_STEPS.get(request.state, ())
    if not request.is_emergency:
        return tuple(verb for verb in wanted if verb is not Verb.GRANT)
    if request.state == ExceptionState.EMERGENCY:
        done = {Verb.ASSESS} if request.residual_risk else set()
        done |= {Verb.IMPLEMENT} if request.implementer_id else set()
        return tuple(verb for verb in wanted if verb not in done)
    # The grant comes first.
    return tuple(sorted(wanted, key=lambda verb: verb is not Verb.GRANT))


def _next(asked: Asked) -> Iterable[int]:
    if asked.source.state and asked.source.state != asked.request.state:
        # It has moved on: what came next tells of it.
        return []
    rights = {right for verb in _steps(asked.request) for right in _RIGHTS.get(verb, ())}
    people = _with_rights(rights) | {asked.request.requester_id}
    if rights & tiers.DELEGABLE:
        today = asked.at.today
        away = ApproverAbsence.objects.filter(since__lte=today, until__gte=today, ended_at=None)
        people |= set(away.values_list("delegate_id", flat=True))
    users = User.objects.filter(pk__in=people, is_active=True).order_by("pk")
    return [
        user.pk
        for user in users
        if _next_step(user, asked.request, asked.facts, asked.at) is not None
    ]


def _with_rights(rights: set[str]) -> set[int]:
    """Active people who have one of the rights, by a role or themselves."""
    named = Q(pk__in=[])
    for right in sorted(rights):
        app, _, codename = right.partition(".")
        for path in ("groups__permissions", "user_permissions"):
            named |= Q(**{f"{path}__codename": codename, f"{path}__content_type__app_label": app})
    found = User.objects.filter(named | Q(is_superuser=True), is_active=True)
    return set(found.order_by().values_list("pk", flat=True).distinct()) if rights else set()


def _requester(asked: Asked) -> Iterable[int]:
    return [asked.request.requester_id]


def _mentioned(asked: Asked) -> Iterable[int]:
    event = asked.source.event
    names = event.after.get("mentions", []) if event is not None else []
    return User.objects.filter(username__in=names).order_by("pk").values_list("pk", flat=True)


def _involved(asked: Asked) -> Iterable[int]:
    return {asked.request.requester_id, *asked.facts.parts}


def _approvers(asked: Asked) -> Iterable[int]:
    request = asked.request
    people = {request.requester_id, *asked.facts.approvals.values()}
    return people | ({request.assessor_id} if request.assessor_id else set())


def _nobody(_: Asked) -> Iterable[int]:
    return []


def _delegate(source: NotificationEvent) -> dict[int, str]:
    absence = source.absence
    if absence is None or absence.ended_at is not None:
        return {}
    (rule,) = policies.rules_of(source.trigger)
    people = User.objects.filter(pk=absence.delegate_id, is_active=True)
    return dict.fromkeys(people.values_list("pk", flat=True), rule.kind.value)


def _may_be_told(pk: int, request: ExceptionRequest) -> bool:
    """Active, a person, and one who sees the record."""
    user = User.objects.filter(pk=pk, is_active=True).exclude(profile__kind=Profile.Kind.SERVICE)
    found = user.first()
    if found is None:
        return False
    return ExceptionRequest.objects.visible_to(found).filter(pk=request.pk).exists()


_AUDIENCES: Final[Mapping[Audience, Callable[[Asked], Iterable[int]]]] = MappingProxyType(
    {
        Audience.NEXT: _next,
        Audience.REQUESTER: _requester,
        Audience.MENTIONED: _mentioned,
        Audience.INVOLVED: _involved,
        Audience.APPROVERS: _approvers,
        Audience.DELEGATE: _nobody,
    }
)
