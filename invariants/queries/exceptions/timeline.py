"""What happened to a request, what is waited for now, and what comes next."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from invariants.models import ExceptionEvent, ExceptionRequest
from invariants.models.exceptions import ExceptionState as State
from invariants.models.exceptions import Verb, WhoKind
from invariants.policies.exceptions import Facts
from invariants.policies.exceptions.actors import seats_of
from invariants.policies.exceptions.guards import last_day_of
from invariants.queries.exceptions.owners import Owner, Wait

# What a reader of the timeline looks for; the log has everything.
_TOLD: Final = frozenset(set(Verb.values) - {"DRAFT", "SAVE", "COMMENT", "ATTACH", "REMIND"})
_BAD: Final = frozenset(
    {Verb.REJECT, Verb.REVOKE, Verb.LOSE, Verb.WITHDRAW, Verb.EXPIRE, Verb.LINGER}
)
_UNTIL_IN_PLACE: Final = (
    State.DRAFT,
    State.SUBMITTED,
    State.TRIAGED,
    State.RISK_ASSESSED,
    State.CHANGES_REQUESTED,
    State.EMERGENCY,
    State.APPROVED,
)
_ALIVE: Final = (*_UNTIL_IN_PLACE, State.IMPLEMENTING, State.ACTIVE, State.EXPIRING)


@dataclass(frozen=True, slots=True)
class Node:
    """`kind`: ok, bad (what ended it), now, todo. `who` did, or is to do, `what`."""

    kind: str
    who: str
    what: str
    at: datetime | None = None
    when: str = ""
    note: str = ""


def past(events: list[ExceptionEvent]) -> tuple[Node, ...]:
    """One node for each event that moved something, oldest first."""
    return tuple(_node(event) for event in events if event.verb in _TOLD)


def _node(event: ExceptionEvent) -> Node:
    who = event.who_name
    if event.who_kind == WhoKind.CLOCK:
        who = "It"
    elif event.who_kind == WhoKind.COLLECTION:
        who = "A collection"
    return Node(
        "bad" if event.verb in _BAD else "ok",
        who,
        _what(event),
        at=event.at,
        note=event.note,
    )


def _what(event: ExceptionEvent) -> str:
    words = str(event.get_verb_display())
    after = event.after
    if event.verb == Verb.APPROVE and after.get("approved_until"):
        words += f" as {_seat(after)} until {_day(after['approved_until'])}"
        if instead := after.get("instead_of"):
            words += f", instead of {instead}"
    elif event.verb == Verb.ASSESS and after.get("residual_risk"):
        words += f": {str(after['residual_risk']).lower()} with what compensates for it"
    elif event.verb == Verb.SUBMIT:
        words = "sent the request" if event.state_before == State.DRAFT else "sent it anew"
    return words


def _seat(after: dict[str, object]) -> str:
    from_seat = {
        "LEAD": "security lead",
        "OWNER": "owner of the system",
        "CISO": "CISO or delegate",
        "EXECUTIVE": "executive",
    }
    return from_seat.get(str(after.get("seat")), "approver")


def _day(text: object) -> str:
    return f"{date.fromisoformat(str(text)):%-d %B %Y}"


def present(wait: Wait | None) -> tuple[Node, ...]:
    """Who is waited for now."""
    if wait is None:
        return ()
    return tuple(
        Node("now", _begun(names(owner)), owner.what, at=wait.since) for owner in wait.owners
    )


def _begun(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def names(owner: Owner) -> str:
    if owner.is_nobody:
        return "Nobody with the right"
    listed = list(owner.names)
    if owner.more:
        listed.append(f"{owner.more} more")
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} or {listed[-1]}"


def future(request: ExceptionRequest, facts: Facts) -> tuple[Node, ...]:
    """What has still to happen after that, up to its end."""
    if request.state not in _ALIVE:
        return _removal(request, facts)
    nodes = list(_decisions(request, facts))
    if request.state in _UNTIL_IN_PLACE and facts.has_policy:
        if request.state != State.APPROVED and request.implementer_id is None:
            nodes.append(
                Node("todo", "A platform engineer", "changes the policy by a pull request")
            )
        nodes.append(Node("todo", "A collection", "finds it in place: from then on it is active"))
    elif request.state in _UNTIL_IN_PLACE:
        nodes.append(Node("todo", "A collection", "finds that its scope matches: it is active"))
    if last := request.until or last_day_of(facts):
        nodes.append(Node("todo", "It", f"ends by itself after {last:%-d %B %Y}"))
    return tuple(nodes)


def _decisions(request: ExceptionRequest, facts: Facts) -> tuple[Node, ...]:
    nodes = []
    if request.state in (State.DRAFT, State.CHANGES_REQUESTED):
        nodes.append(Node("todo", "Triage", "takes it up"))
    if request.state in (State.DRAFT, State.CHANGES_REQUESTED, State.SUBMITTED):
        nodes.append(Node("todo", "A security engineer", "assesses the risk"))
    if not request.residual_risk and request.state in _UNTIL_IN_PLACE[:-1]:
        nodes.append(Node("todo", "Whoever the risk demands", "approves"))
    elif request.state == State.EMERGENCY and not facts.residual_risk:
        labels = [str(seat.label) for seat in seats_of(facts)]
        nodes += [Node("todo", label.capitalize(), "approves after the fact") for label in labels]
    return tuple(nodes)


def _removal(request: ExceptionRequest, facts: Facts) -> tuple[Node, ...]:
    if request.state in (State.EXPIRED, State.REVOKED) and facts.has_policy:
        return (Node("todo", "A collection", "finds it removed: then it is closed"),)
    return ()
