"""One request as its page shows it, to one person."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.contrib.auth.models import User

from findings.models import Finding
from invariants.models import (
    ExceptionApproval,
    ExceptionEvent,
    ExceptionEvidence,
    ExceptionRequest,
)
from invariants.models.exceptions import ExceptionState, Verb
from invariants.policies.exceptions import (
    Facts,
    Moment,
    NotAllowed,
    Said,
    Who,
    can,
    check,
    clocks,
    tiers,
)
from invariants.policies.exceptions.actors import seats_of
from invariants.policies.exceptions.guards import last_day_of
from invariants.policies.exceptions.table import step, steps
from invariants.queries.exceptions import owners, scope_words, standing, timeline
from invariants.queries.exceptions.clock_words import Clock, clock_of
from invariants.queries.exceptions.owners import Wait
from invariants.queries.exceptions.risks import Point, points_of
from invariants.queries.exceptions.scope_words import Scope
from invariants.queries.exceptions.talk import Comment, Milestone, comments_of, milestones_of
from invariants.queries.exceptions.timeline import Node
from inventory.access import AnyUser
from inventory.links import is_web_link

# What is said or done beside the steps: nobody decided anything by it.
TALK: Final = frozenset(
    {
        Verb.COMMENT,
        Verb.ATTACH,
        Verb.PROGRESS,
        Verb.REMIND,
        Verb.REVIEW,
        Verb.REVIEWED,
        Verb.LINGER,
    }
)
_SHOWN: Final = 50
RENEWABLE: Final = (ExceptionState.ACTIVE, ExceptionState.EXPIRING, ExceptionState.EXPIRED)
_GRANTED: Final = (
    ExceptionState.EMERGENCY,
    ExceptionState.APPROVED,
    ExceptionState.IMPLEMENTING,
    ExceptionState.ACTIVE,
    ExceptionState.EXPIRING,
)
_NEVER_GRANTED: Final = (ExceptionState.REJECTED, ExceptionState.WITHDRAWN)
_SERIOUS: Final = (ExceptionState.EMERGENCY, ExceptionState.REJECTED, ExceptionState.REVOKED)
# The verbs by which it gets ahead, the one that is waited for first.
_AHEAD: Final = (
    Verb.APPROVE,
    Verb.ASSESS,
    Verb.TRIAGE,
    Verb.GRANT,
    Verb.IMPLEMENT,
    Verb.REMOVE,
)


@dataclass(frozen=True, slots=True)
class Lapse:
    """When it ends by itself; `most_days` is the limit of its risk, `days` those that are left."""

    until: date
    days: int
    most_days: int
    is_granted: bool


@dataclass(frozen=True, slots=True)
class Page:
    """`verbs` are the steps that the person could take now; `refused` says why they cannot take it
    further, where it waits for somebody. `seen` is the number of the last event that decided
    something: what was decided after it, the person has not seen."""

    request: ExceptionRequest
    facts: Facts
    scope: Scope
    clock: Clock
    wait: Wait | None
    timeline: tuple[Node, ...]
    verbs: frozenset[str]
    refused: tuple[str, ...]
    seats_left: int
    last_day: date | None
    lapse: Lapse | None
    risk: str
    risk_points: tuple[Point, ...]
    milestones: tuple[Milestone, ...]
    evidence: tuple[ExceptionEvidence, ...]
    comments: tuple[Comment, ...]
    events: tuple[ExceptionEvent, ...]
    event_count: int
    seen: int
    finding_pk: int | None
    is_mine: bool
    may_narrow: bool
    may_renew: bool
    approvals: tuple[ExceptionApproval, ...]

    @property
    def may_narrow_now(self) -> bool:
        """Of one that was approved; before that an approver approves less."""
        return (self.may_narrow or self.is_mine) and self.request.state in _GRANTED

    @property
    def links(self) -> tuple[tuple[str, str, str], ...]:
        """Label, text and address; "" where the text is no address that is safe to follow."""
        given = (
            ("Ticket", self.request.ticket),
            ("Pull request", self.request.pull_request),
            ("Removal", self.request.removal_pull_request),
        )
        return tuple(
            (label, text, text if is_web_link(text) else "") for label, text in given if text
        )

    @property
    def state_kind(self) -> str:
        """The kind of its pill."""
        if self.request.is_zombie or self.request.state in _SERIOUS:
            return "bad"
        if self.request.is_in_force:
            return "ok"
        return "warn" if self.wait else ""

    @property
    def open_milestones(self) -> int:
        return sum(one.done_on is None for one in self.milestones)


def page_of(user: AnyUser, request: ExceptionRequest, *, now: datetime) -> Page:
    """Everything but the sections of the policy, the blast radius and reconciliation. Some twenty
    queries, whatever it covers and however long it lives."""
    at = standing.moment_of(request.organization, now)
    facts = standing.facts_of(request)
    who = (
        standing.who_is(user, today=at.today, request=request) if isinstance(user, User) else Who()
    )
    wait = owners.wait_of(request, facts, today=at.today)
    told = list(request.events.exclude(verb__in=[Verb.SAVE]).order_by("-number")[: 4 * _SHOWN])
    told.reverse()
    scope = scope_words.scope_of(user, request)
    nodes = (
        *timeline.past(told),
        *timeline.present(wait),
        *timeline.future(request, facts),
    )
    verbs = frozenset(
        taken.verb.value for taken in steps(facts.state) if can(facts, taken.verb, who=who, at=at)
    )
    return Page(
        request=request,
        facts=facts,
        scope=scope,
        clock=clock_of(request, now=now, today=at.today),
        wait=wait,
        timeline=nodes,
        verbs=verbs,
        refused=_refused(facts, who, at, verbs),
        seats_left=_seats_left(facts),
        last_day=last_day_of(facts),
        lapse=_lapse(request, facts, at.today),
        risk=request.residual_risk or request.severity,
        risk_points=points_of(request, scope),
        milestones=milestones_of(request, at.today),
        evidence=tuple(request.evidence.order_by("pk")[:_SHOWN]),
        comments=comments_of(request),
        events=tuple(reversed(told[-_SHOWN:])),
        event_count=request.events.exclude(verb=Verb.SAVE).count(),
        seen=last_decision(request),
        finding_pk=_finding(user, request),
        is_mine=request.requester_id == user.pk,
        may_narrow=_may_narrow(request, who),
        may_renew=_may_renew(user, request),
        approvals=tuple(request.approvals.filter(round=request.round).order_by("at", "pk")),
    )


def last_decision(request: ExceptionRequest) -> int:
    """The number of the last event that decided or changed something. One query."""
    events = request.events.exclude(verb__in=TALK).order_by("-number")
    return events.values_list("number", flat=True).first() or 0


def since(request: ExceptionRequest, seen: int) -> tuple[ExceptionEvent, ...]:
    """What was decided or changed after the event of this number, oldest first. One query."""
    events = request.events.exclude(verb__in=TALK).filter(number__gt=seen)
    return tuple(events.order_by("number"))


def _refused(facts: Facts, who: Who, at: Moment, verbs: frozenset[str]) -> tuple[str, ...]:
    """Why this person takes it no further: the words of the guards of what is waited for."""
    if verbs.intersection(_AHEAD):
        return ()
    for verb in _AHEAD:
        if step(facts.state, verb) is None:
            continue
        try:
            check(facts, verb, who=who, said=Said(), at=at)
        except NotAllowed as error:
            return tuple(_by_name(sentence) for sentence in error.missing[:1])
    return ()


def _by_name(sentence: str) -> str:
    """With rights by what they are called."""
    for code, name in ExceptionRequest._meta.permissions:
        sentence = sentence.replace(f"invariants.{code}", f"“{name}”")
    return sentence


def _seats_left(facts: Facts) -> int:
    return sum(seat not in facts.approvals for seat in seats_of(facts))


def _may_narrow(request: ExceptionRequest, who: Who) -> bool:
    rights = {tiers.ASSESS, tiers.APPROVE, tiers.APPROVE_HIGH}
    return bool(rights & who.rights) and request.scope.count() > 1


def _may_renew(user: AnyUser, request: ExceptionRequest) -> bool:
    """Whether the requester could begin a renewal now."""
    if request.requester_id != user.pk or request.state not in RENEWABLE:
        return False
    given_up = [ExceptionState.WITHDRAWN, ExceptionState.REJECTED]
    is_last = request.renewal >= clocks.MOST_RENEWALS
    return not is_last and not request.renewals.exclude(state__in=given_up).exists()


def _lapse(request: ExceptionRequest, facts: Facts, today: date) -> Lapse | None:
    until = request.until or last_day_of(facts)
    if until is None or request.ended_at is not None or request.state in _NEVER_GRANTED:
        return None
    risk = clocks.worst(facts.severity, facts.residual_risk)
    limits = clocks.VERSIONS[request.clocks_version].most_days
    most = next((days for level, days in limits.items() if level == risk), 0)
    return Lapse(until, max((until - today).days, 0), most, request.until is not None)


def _finding(user: AnyUser, request: ExceptionRequest) -> int | None:
    if request.finding_key is None:
        return None
    found = Finding.objects.visible_to(user).filter(
        organization=request.organization_id, key=bytes(request.finding_key)
    )
    return found.values_list("pk", flat=True).first()
