"""Who may take a step: by right, by relation to the record, and never with two parts on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from invariants.models.exceptions import ExceptionState as State
from invariants.models.exceptions import Part, Seat, WhoKind
from invariants.policies.exceptions import tiers
from invariants.policies.exceptions.facts import Facts, Who

_PART_WORDS: Final = MappingProxyType({part: str(part.label) for part in Part})


@dataclass(frozen=True, slots=True)
class Chair:
    """A seat that somebody can take, and for whom (None: in their own right)."""

    seat: Seat
    instead_of: int | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who takes a step, in words; `refuse` gives the reason why this one may not, "" where they may.
    `part` is what taking the step makes of them."""

    words: str
    refuse: Callable[[Facts, Who], str]
    part: Part | None = None


def chair_for(facts: Facts, who: Who, seats: tuple[Seat, ...]) -> Chair | None:
    """The first of the seats still open that this person can take, in their own right if possible."""
    open_seats = [seat for seat in seats if seat not in facts.approvals]
    for seat in open_seats:
        if tiers.right_of(seat, facts.severity) in who.rights:
            return Chair(seat)
    for seat in open_seats:
        right = tiers.right_of(seat, facts.severity)
        for person, rights in sorted(who.instead_of.items()):
            if right in rights and _counts_still(facts, person):
                return Chair(seat, person)
    return None


def seats_of(facts: Facts) -> tuple[Seat, ...]:
    """Whose approvals the record needs, by its residual risk; none before that is assessed."""
    return tiers.SEATS[facts.residual_risk] if facts.residual_risk else ()


def _counts_still(facts: Facts, person: int) -> bool:
    """Whether they have no other part on it, and their right to approve has not been used yet."""
    if facts.parts.get(person, Part.APPROVER) != Part.APPROVER or person == facts.requester_id:
        return False
    return person not in {*facts.approvals.values(), *facts.represented}


def _requester(facts: Facts, who: Who) -> str:
    if who.kind is not WhoKind.PERSON or who.id != facts.requester_id:
        return "Only who asked for it does this."
    return ""


def _by_right(right: str, part: Part | None) -> Callable[[Facts, Who], str]:
    def refuse(facts: Facts, who: Who) -> str:
        if who.kind is not WhoKind.PERSON or who.id is None:
            return "A person does this."
        if right not in who.rights:
            return f"Only people with the right {right} do this."
        if part is Part.ASSESSOR and not who.sees_whole:
            return _BEYOND
        return _apart(facts, who.id, part)

    return refuse


def _apart(facts: Facts, person: int, part: Part | None) -> str:
    held = Part.REQUESTER if person == facts.requester_id else facts.parts.get(person)
    if held is Part.REQUESTER:
        return "Who asked for it cannot do this: ask a colleague."
    if part is not None and held not in (None, part):
        words = _PART_WORDS[Part(held)]
        return (
            f"You are the {words} of this record; somebody else has to be its {_PART_WORDS[part]}."
        )
    return ""


_BEYOND: Final = (
    "It covers accounts that you do not see: somebody who sees all of them decides on it."
)


def _approver(facts: Facts, who: Who) -> str:
    if who.kind is not WhoKind.PERSON or who.id is None:
        return "A person does this."
    if not who.sees_whole:
        return _BEYOND
    if apart := _apart(facts, who.id, Part.APPROVER):
        return apart
    if who.id in facts.approvals.values():
        return "You have approved it: the other approval is by somebody else."
    if who.id in facts.represented:
        return "It was approved instead of you: the other approval is by somebody else."
    seats = seats_of(facts)
    if seats and chair_for(facts, who, seats) is None:
        missing = [seat for seat in seats if seat not in facts.approvals]
        names = " and ".join(str(seat.label) for seat in missing)
        return f"At this risk it waits for the {names}; you have no right to approve as such."
    return ""


def _granter(facts: Facts, who: Who) -> str:
    if who.kind is not WhoKind.PERSON or who.id is None:
        return "A person does this."
    if not who.sees_whole:
        return _BEYOND
    if apart := _apart(facts, who.id, Part.APPROVER):
        return apart
    if chair_for(facts, who, (Seat.EMERGENCY,)) is None:
        right = tiers.right_of(Seat.EMERGENCY, facts.severity)
        return f"At this severity only people with the right {right} grant it."
    return ""


def _decider(facts: Facts, who: Who) -> str:
    """Who says no: whoever could have taken it further from where it is."""
    if who.kind is not WhoKind.PERSON or who.id is None:
        return "A person does this."
    if apart := _apart(facts, who.id, None):
        return apart
    enough = {
        State.SUBMITTED: {tiers.TRIAGE},
        State.TRIAGED: {tiers.TRIAGE, tiers.ASSESS},
    }.get(State(facts.state), {tiers.ASSESS, *map(tiers.RIGHT_OF.__getitem__, seats_of(facts))})
    if not enough & who.rights:
        return f"Only people with the right {' or '.join(sorted(enough))} do this."
    return ""


def _revoker(facts: Facts, who: Who) -> str:
    if who.kind is not WhoKind.PERSON:
        return "A person does this."
    if who.id == facts.requester_id or {tiers.APPROVE, tiers.APPROVE_HIGH} & who.rights:
        return ""
    return f"Only who asked for it, or people with the right {tiers.APPROVE}, do this."


def _not_a_person(kind: WhoKind, words: str) -> Callable[[Facts, Who], str]:
    def refuse(_: Facts, who: Who) -> str:
        return "" if who.kind is kind else words

    return refuse


REQUESTER: Final = Actor("who asked for it", _requester, Part.REQUESTER)
TRIAGER: Final = Actor("Triage requests for exceptions", _by_right(tiers.TRIAGE, None))
ASSESSOR: Final = Actor(
    "Assess the risk of exceptions", _by_right(tiers.ASSESS, Part.ASSESSOR), Part.ASSESSOR
)
APPROVER: Final = Actor("the approvers of the tier, the last of them", _approver, Part.APPROVER)
GRANTER: Final = Actor("one approver of the tier", _granter, Part.APPROVER)
DECIDER: Final = Actor("who could take it further, but not who asked", _decider)
IMPLEMENTER: Final = Actor(
    "Put exceptions in place", _by_right(tiers.IMPLEMENT, Part.IMPLEMENTER), Part.IMPLEMENTER
)
REMOVER: Final = Actor("Put exceptions in place", _by_right(tiers.IMPLEMENT, None))
REVOKER: Final = Actor("who asked for it, or an approver", _revoker)
BY_CLOCK: Final = Actor("the clock", _not_a_person(WhoKind.CLOCK, "Only the clock does this."))
BY_COLLECTION: Final = Actor(
    "a collection",
    _not_a_person(WhoKind.COLLECTION, "Only a collection, which looks into AWS, does this."),
)
WAITS_FOR: Final[Mapping[str, str]] = MappingProxyType(
    {
        State.DRAFT: "who asked for it",
        State.SUBMITTED: "triage",
        State.TRIAGED: "assessment of the risk",
        State.RISK_ASSESSED: "the approvers of the tier",
        State.CHANGES_REQUESTED: "who asked for it",
        State.EMERGENCY: "assessment and approval after the fact",
        State.APPROVED: "who puts it in place",
        State.IMPLEMENTING: "the next collection that finds it",
        State.ACTIVE: "nobody",
        State.EXPIRING: "who asked for it: renew it, or let it end",
        State.EXPIRED: "who removes it",
        State.REVOKED: "who removes it",
        State.CLOSING: "the next collection that finds it gone",
    }
)
