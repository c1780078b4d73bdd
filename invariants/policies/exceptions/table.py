"""The table of steps: from which state to which, who takes it, and what it demands."""

from dataclasses import dataclass
from typing import Final

from invariants.models.exceptions import ExceptionState as State
from invariants.models.exceptions import Verb
from invariants.policies.exceptions import actors
from invariants.policies.exceptions.actors import Actor
from invariants.policies.exceptions.facts import Facts, Moment, Said, Who
from invariants.policies.exceptions.guards import GUARDS, Guard, Look


class NotAllowed(Exception):
    """The step cannot be taken; `missing` has each thing in its way, one sentence each."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        self.missing = missing
        super().__init__(" ".join(missing))


@dataclass(frozen=True, slots=True)
class Transition:
    """One step. `before` and `after` are the same where something is recorded that moves no state."""

    before: State
    verb: Verb
    after: State
    actor: Actor
    guards: tuple[Guard, ...] = ()


_READY: Final = (Guard.COMPLETE, Guard.SCOPE, Guard.DATES, Guard.LINE)
_APPROVAL: Final = (Guard.COMPLETE, Guard.SCOPE, Guard.ASSESSED, Guard.LENGTH, Guard.SEATS)
_AFTERWARDS: Final = (*_APPROVAL[:-1], Guard.STOP, Guard.SEATS)
_SEEN: Final = (Guard.IN_PLACE, Guard.SOMEBODY, Guard.BEGUN)


def _many(
    before: tuple[State, ...],
    verb: Verb,
    after: State,
    actor: Actor,
    guards: tuple[Guard, ...] = (),
) -> tuple[Transition, ...]:
    return tuple(Transition(one, verb, after, actor, guards) for one in before)


_ASKED: Final = (State.SUBMITTED, State.TRIAGED, State.RISK_ASSESSED)
_GRANTED: Final = (State.APPROVED, State.IMPLEMENTING, State.ACTIVE, State.EXPIRING)
_LIVE: Final = (State.ACTIVE, State.EXPIRING)
_ENDED: Final = (State.EXPIRED, State.REVOKED, State.CLOSING)

TRANSITIONS: Final = (
    Transition(State.DRAFT, Verb.SUBMIT, State.SUBMITTED, actors.REQUESTER, _READY),
    Transition(State.SUBMITTED, Verb.TRIAGE, State.TRIAGED, actors.TRIAGER),
    Transition(
        State.TRIAGED, Verb.ASSESS, State.RISK_ASSESSED, actors.ASSESSOR, (Guard.RISK, Guard.WHY)
    ),
    Transition(State.RISK_ASSESSED, Verb.APPROVE, State.APPROVED, actors.APPROVER, _APPROVAL),
    Transition(
        State.APPROVED, Verb.IMPLEMENT, State.IMPLEMENTING, actors.IMPLEMENTER, (Guard.LINK,)
    ),
    # Another pull request, or another person who takes over.
    Transition(
        State.IMPLEMENTING, Verb.IMPLEMENT, State.IMPLEMENTING, actors.IMPLEMENTER, (Guard.LINK,)
    ),
    *_many(
        (State.APPROVED, State.IMPLEMENTING), Verb.FIND, State.ACTIVE, actors.BY_COLLECTION, _SEEN
    ),
    Transition(State.ACTIVE, Verb.WARN, State.EXPIRING, actors.BY_CLOCK, (Guard.NEAR_END,)),
    *_many(_LIVE, Verb.LOSE, State.IMPLEMENTING, actors.BY_COLLECTION, (Guard.GONE,)),
    *_many(_GRANTED, Verb.EXPIRE, State.EXPIRED, actors.BY_CLOCK, (Guard.OVER,)),
    *_many(_GRANTED, Verb.REVOKE, State.REVOKED, actors.REVOKER, (Guard.WHY,)),
    # Its renewal was found in place, which is the same carve-out under a newer approval.
    *_many((*_GRANTED, *_ENDED), Verb.SUPERSEDE, State.RENEWED, actors.BY_COLLECTION),
    *_many(
        (State.EXPIRED, State.REVOKED), Verb.REMOVE, State.CLOSING, actors.REMOVER, (Guard.LINK,)
    ),
    *_many(
        _ENDED,
        Verb.CLOSE,
        State.CLOSED,
        actors.BY_COLLECTION,
        (Guard.GONE,),
    ),
    *_many(_ASKED, Verb.REQUEST_CHANGES, State.CHANGES_REQUESTED, actors.DECIDER, (Guard.WHY,)),
    Transition(State.CHANGES_REQUESTED, Verb.SUBMIT, State.SUBMITTED, actors.REQUESTER, _READY),
    *_many(_ASKED, Verb.REJECT, State.REJECTED, actors.DECIDER, (Guard.WHY,)),
    *_many(
        (State.DRAFT, *_ASKED, State.CHANGES_REQUESTED),
        Verb.WITHDRAW,
        State.WITHDRAWN,
        actors.REQUESTER,
    ),
    # In an emergency one person grants it first; assessment and approval follow, or it ends.
    *_many(
        (State.SUBMITTED, State.TRIAGED),
        Verb.GRANT,
        State.EMERGENCY,
        actors.GRANTER,
        (Guard.EMERGENCY, Guard.AGAIN, Guard.COMPLETE, Guard.SCOPE, Guard.DATES, Guard.WHY),
    ),
    Transition(
        State.EMERGENCY,
        Verb.IMPLEMENT,
        State.EMERGENCY,
        actors.IMPLEMENTER,
        (Guard.LINK, Guard.STOP),
    ),
    Transition(
        State.EMERGENCY, Verb.FIND, State.EMERGENCY, actors.BY_COLLECTION, (*_SEEN, Guard.STOP)
    ),
    *(
        # In force since the emergency, until a collection says otherwise.
        Transition(one, Verb.LOSE, one, actors.BY_COLLECTION, (Guard.GONE,))
        for one in (State.EMERGENCY, State.APPROVED, State.IMPLEMENTING)
    ),
    Transition(
        State.EMERGENCY,
        Verb.ASSESS,
        State.EMERGENCY,
        actors.ASSESSOR,
        (Guard.RISK, Guard.WHY, Guard.STOP, Guard.UNDECIDED),
    ),
    Transition(State.EMERGENCY, Verb.APPROVE, State.APPROVED, actors.APPROVER, _AFTERWARDS),
    Transition(State.EMERGENCY, Verb.EXPIRE, State.EXPIRED, actors.BY_CLOCK, (Guard.OVER,)),
    Transition(State.EMERGENCY, Verb.REVOKE, State.REVOKED, actors.REVOKER, (Guard.WHY,)),
)


def step(before: str, verb: str) -> Transition | None:
    """The step; None where there is none."""
    return next((t for t in TRANSITIONS if (t.before, t.verb) == (before, verb)), None)


def steps(before: str) -> tuple[Transition, ...]:
    return tuple(t for t in TRANSITIONS if t.before == before)


def check(facts: Facts, verb: Verb, *, who: Who, said: Said, at: Moment) -> Transition:
    """The step that may be taken.

    :raises NotAllowed: naming everything that is in its way.
    """
    transition = step(facts.state, verb)
    if transition is None:
        label = State(facts.state).label
        raise NotAllowed((f"This cannot be done where it stands: it is {label}.",))
    missing = [transition.actor.refuse(facts, who)]
    look = Look(facts, who, said, at)
    missing += [GUARDS[guard].look(look) for guard in transition.guards]
    if found := tuple(sentence for sentence in missing if sentence):
        raise NotAllowed(found)
    return transition


def check_approval(facts: Facts, *, who: Who, said: Said, at: Moment) -> bool:
    """Whether the record is approved with this approval; False where others are still to come.

    :raises NotAllowed: where this person cannot approve, or something else is in the way.
    """
    transition = step(facts.state, Verb.APPROVE)
    if transition is None:
        return bool(check(facts, Verb.APPROVE, who=who, said=said, at=at))
    look = Look(facts, who, said, at)
    missing = [transition.actor.refuse(facts, who)]
    missing += [GUARDS[g].look(look) for g in transition.guards if g is not Guard.SEATS]
    if found := tuple(sentence for sentence in missing if sentence):
        raise NotAllowed(found)
    return not GUARDS[Guard.SEATS].look(look)


def can(facts: Facts, verb: Verb, *, who: Who, at: Moment) -> bool:
    """Whether this one could take the step now, given that what they say with it is right.

    An approval that is one of several counts as one that can be given.
    """
    transition = step(facts.state, verb)
    if transition is None or transition.actor.refuse(facts, who):
        return False
    look = Look(facts, who, Said(), at)
    asked = (g for g in transition.guards if not GUARDS[g].is_said and g is not Guard.SEATS)
    return not any(GUARDS[guard].look(look) for guard in asked)
