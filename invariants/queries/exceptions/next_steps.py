"""Who holds a request, and what comes next, in the words of whoever asked for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from invariants.models import ExceptionRequest
from invariants.models.exceptions import ExceptionState as State
from invariants.models.exceptions import Seat
from invariants.policies.exceptions import clocks


@dataclass(frozen=True, slots=True)
class Words:
    """Who holds a request, and what comes next; for whoever asked."""

    holder: str
    next_step: str


# By state; the approvers are named by risk, in `_words`.
_WORDS: Final[Mapping[str, Words]] = MappingProxyType(
    {
        State.DRAFT: Words("you", "Finish the form and send it."),
        State.SUBMITTED: Words("security, triage", "Somebody looks whether all is said."),
        State.TRIAGED: Words("security, risk", "Somebody assesses the risk."),
        State.CHANGES_REQUESTED: Words("you", "Answer what was asked, and send it again."),
        State.EMERGENCY: Words(
            "security", "It is granted; risk and approval follow, or it ends by itself."
        ),
        State.APPROVED: Words("platform engineering", "It is approved; somebody puts it in place."),
        State.IMPLEMENTING: Words("the next collection", "It has to find it in AWS."),
        State.ACTIVE: Words("nobody", "It holds. Nothing to do until it ends."),
        State.EXPIRING: Words("you", "Renew it, or let it end by itself."),
        State.EXPIRED: Words("platform engineering", "It is over; it has to be taken out of AWS."),
        State.REVOKED: Words(
            "platform engineering", "It was ended; it has to be taken out of AWS."
        ),
        State.CLOSING: Words("the next collection", "It has to find it gone from AWS."),
        State.CLOSED: Words("nobody", "It is over, and gone from AWS."),
        State.RENEWED: Words("nobody", "Its renewal took its place."),
        State.REJECTED: Words("nobody", "It was refused; the reason stands on its page."),
        State.WITHDRAWN: Words("nobody", "You took it back."),
    }
)


# Where no policy is changed, findings alone count otherwise: nobody has to do anything.
_WITHOUT_POLICY: Final[Mapping[str, Words]] = MappingProxyType(
    {
        State.APPROVED: Words("the next collection", "It is approved; it holds from then on."),
        State.EXPIRED: Words("the next collection", "It is over; it is closed then."),
        State.REVOKED: Words("the next collection", "It was ended; it is closed then."),
    }
)
_IN_PLACE_ALREADY: Final = Words(
    "the next collection", "It is approved; what it renews is in place already."
)
_STILL_THERE: Final = Words(
    "platform engineering", "A collection still finds it in AWS; it has to be taken out."
)
_RENEWAL_BEGUN: Final = Words("nobody", "Its renewal is on its way; until then it holds.")
_NOT_AGAIN: Final = Words(
    "nobody",
    "It ends by itself. It was renewed as often as can be: have the invariant changed instead.",
)


def words_of(one: ExceptionRequest, seats: tuple[Seat, ...], *, is_renewed: bool) -> Words:
    """:param seats: whose approvals are still missing. :param is_renewed: a renewal of it was begun"""
    if one.state == State.EXPIRING and is_renewed:
        return _RENEWAL_BEGUN
    if one.state == State.EXPIRING and one.renewal >= clocks.MOST_RENEWALS:
        return _NOT_AGAIN
    if one.mechanism == ExceptionRequest.Mechanism.NONE and one.state in _WITHOUT_POLICY:
        return _WITHOUT_POLICY[one.state]
    if one.state == State.CLOSING and one.was_found_after_removal:
        return _STILL_THERE
    if one.state == State.APPROVED and _is_in_place_already(one):
        return _IN_PLACE_ALREADY
    if one.state != State.RISK_ASSESSED:
        return _WORDS[one.state]
    labels = " and ".join(str(Seat(seat).label) for seat in seats)
    return Words(labels, "They approve or refuse it." if labels else "It is decided.")


def _is_in_place_already(one: ExceptionRequest) -> bool:
    """Whether what it renews carries it: as waiting has it, by which nobody has to put it in place."""
    before = one.renews
    return before is not None and before.mechanism == one.mechanism and before.seen_at is not None
