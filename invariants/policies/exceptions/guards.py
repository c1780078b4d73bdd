"""What a step demands besides the right person; each guard says what is missing, and what to do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from invariants.models.exceptions import ExceptionTarget, Risk, ScopeKind, Seat
from invariants.policies.exceptions import clocks
from invariants.policies.exceptions.actors import chair_for, seats_of
from invariants.policies.exceptions.breadth import too_wide
from invariants.policies.exceptions.facts import Facts, Moment, Said, Who

SHORTEST_WHY: Final = 10
# One that begins later is asked for nearer to its day: what is decided now would be out of date by then.
MOST_AHEAD: Final = timedelta(days=365)
LONGEST_LINK: Final = 500
# So long an emergency that ran out without an approval stands against the next.
LAPSED_DAYS: Final = 30
REDESIGN: Final = (
    "It has been renewed twice. Propose to redesign the invariant, or to move it to a child OU: an "
    "exception that never ends is a rule."
)


class Guard(StrEnum):
    COMPLETE = "COMPLETE"
    SCOPE = "SCOPE"
    DATES = "DATES"
    LINE = "LINE"
    WHY = "WHY"
    EMERGENCY = "EMERGENCY"
    AGAIN = "AGAIN"
    RISK = "RISK"
    ASSESSED = "ASSESSED"
    LENGTH = "LENGTH"
    STOP = "STOP"
    UNDECIDED = "UNDECIDED"
    SEATS = "SEATS"
    LINK = "LINK"
    IN_PLACE = "IN_PLACE"
    SOMEBODY = "SOMEBODY"
    BEGUN = "BEGUN"
    GONE = "GONE"
    NEAR_END = "NEAR_END"
    OVER = "OVER"


@dataclass(frozen=True, slots=True)
class Look:
    """All that a guard can look at."""

    facts: Facts
    who: Who
    said: Said
    at: Moment


@dataclass(frozen=True, slots=True)
class Rule:
    """`look` gives what is missing, "" where nothing. `is_said`: it looks at what a person says with
    the step, which is not known before they say it."""

    demand: str
    look: Callable[[Look], str]
    is_said: bool = False


def _complete(look: Look) -> str:
    empty = [name for name, value in look.facts.asks.items() if not value.strip()]
    return f"Still empty: {', '.join(empty)}." if empty else ""


def _scope(look: Look) -> str:
    scope, kind = look.facts.scope, look.facts.target_kind
    is_placed = scope.get(ScopeKind.ACCOUNT) or scope.get(ScopeKind.OU)
    if kind != ExceptionTarget.FINDING and not is_placed:
        return "Its scope names no account and no OU: name those that need it."
    return too_wide(scope)


def _dates(look: Look) -> str:
    facts = look.facts
    if facts.starts_on is None or facts.asked_until is None:
        return "Say from when and until when it is needed."
    if facts.starts_on > look.at.today + MOST_AHEAD:
        return "It begins more than a year from now: ask for it nearer to that day."
    if facts.asked_until < max(look.at.today, facts.starts_on):
        return "It would be over before it begins: choose a later day."
    return ""


def _line(look: Look) -> str:
    return REDESIGN if look.facts.renewal > clocks.MOST_RENEWALS else ""


def _why(look: Look) -> str:
    if len(look.said.why.strip()) < SHORTEST_WHY:
        return "Write why, so that the others understand it."
    return ""


def _emergency(look: Look) -> str:
    return "" if look.facts.is_emergency else "It was not asked for as an emergency."


def _again(look: Look) -> str:
    """One emergency after the other would be an exception that nobody ever assessed."""
    if look.facts.lapsed:
        return (
            f"{look.facts.lapsed} was granted for the same in an emergency, and its hours went by without an "
            "approval: this one is assessed and approved first."
        )
    return ""


def _risk(look: Look) -> str:
    said = look.said
    if said.inherent_risk not in Risk.values or said.residual_risk not in Risk.values:
        return "Say how high the risk is, with and without what compensates for it."
    if clocks.worst(said.inherent_risk, said.residual_risk) != said.inherent_risk:
        return "What compensates cannot make the risk greater: mend one of the two."
    return ""


def _assessed(look: Look) -> str:
    return "" if look.facts.residual_risk else "Nobody has assessed its risk yet."


def _length(look: Look) -> str:
    facts, said = look.facts, look.said
    if facts.starts_on is None or facts.asked_until is None:
        return "Nothing says until when it is needed."
    last = last_day_of(facts)
    if last is None or last < look.at.today:
        return "By the time limit of its risk it would be over already: ask for changes."
    first = max(facts.starts_on, look.at.today)
    if said.until is not None and not first <= said.until <= last:
        return f"It can last until {last:%-d %B %Y} at most, and not end before it begins."
    return ""


def _stop(look: Look) -> str:
    """Before the clock has come by, it would go on past its hours otherwise."""
    stop = look.facts.emergency_until
    if look.facts.state == "EMERGENCY" and stop is not None and look.at.now >= stop:
        return "Its 72 hours are over: what is still needed is asked for anew."
    return ""


def _undecided(look: Look) -> str:
    if set(look.facts.approvals) - {Seat.EMERGENCY}:
        return "Somebody has approved it at the risk that it has: it stays."
    return ""


def last_day_of(facts: Facts) -> date | None:
    """The last day that an approval can give: the one asked for, or the limit of the graver of severity
    and residual risk."""
    if facts.starts_on is None or facts.asked_until is None:
        return None
    risk = clocks.worst(facts.severity, facts.residual_risk)
    return clocks.last_day(
        facts.starts_on, facts.asked_until, risk=risk, version=facts.clocks_version
    )


def _seats(look: Look) -> str:
    """With this one, every approval is there."""
    seats = seats_of(look.facts)
    chair = chair_for(look.facts, look.who, seats)
    taken = {*look.facts.approvals, *([chair.seat] if chair else [])}
    missing = [str(seat.label) for seat in seats if seat not in taken]
    return f"It still waits for the {' and '.join(missing)}." if missing else ""


def _link(look: Look) -> str:
    link = look.said.link
    if look.facts.has_policy and not link:
        return "Give the link of the pull request that changes the policy (https://…)."
    if link and not link.startswith("https://"):
        return "A link of a pull request begins with https://."
    if len(link) > LONGEST_LINK:
        return f"A link of a pull request has {LONGEST_LINK} characters at most."
    return ""


def _in_place(look: Look) -> str:
    match look.said.is_found:
        case True:
            return ""
        case None:
            return "The collection could not tell whether it is in place."
    return "The collection did not find it in place."


def _somebody(look: Look) -> str:
    facts = look.facts
    if facts.has_policy and facts.implementer_id is None and not facts.is_renewal_of_same:
        return "Nobody has said that they put it in place: start implementing it first."
    return ""


def _begun(look: Look) -> str:
    facts = look.facts
    if facts.starts_on is None or look.at.today < facts.starts_on:
        return "It does not begin before its first day."
    if facts.until is None or look.at.today > facts.until:
        return "Its last day is over."
    return ""


def _gone(look: Look) -> str:
    facts, said = look.facts, look.said
    if said.is_found is not False:
        return "The collection did not find it gone."
    if facts.ended_at is not None and (said.looked_at is None or said.looked_at < facts.ended_at):
        return "The collection looked before it ended: the next one decides."
    return ""


def _near_end(look: Look) -> str:
    facts = look.facts
    if facts.until is None or not clocks.is_expiring(
        look.at.today, facts.until, version=facts.clocks_version
    ):
        return "It does not end soon."
    return ""


def _over(look: Look) -> str:
    facts = look.facts
    if facts.until is not None and look.at.today > facts.until:
        return ""
    if (
        facts.state == "EMERGENCY"
        and facts.emergency_until is not None
        and look.at.now >= facts.emergency_until
    ):
        return ""
    return "It is not over yet."


GUARDS: Final[Mapping[Guard, Rule]] = MappingProxyType(
    {
        Guard.COMPLETE: Rule(
            "Title, reason, justification, system, business owner, what compensates and the plan are there.",
            _complete,
        ),
        Guard.SCOPE: Rule(
            "It names accounts or OUs (or one finding), and covers nothing by a bare wildcard.",
            _scope,
        ),
        Guard.DATES: Rule(
            "It begins within a year and before it ends, and ends no earlier than today.", _dates
        ),
        Guard.LINE: Rule(
            f"Its line has been renewed {clocks.MOST_RENEWALS} times at most; then the invariant is to be "
            "redesigned.",
            _line,
        ),
        Guard.WHY: Rule("A reason is written.", _why, is_said=True),
        Guard.EMERGENCY: Rule("It was asked for as an emergency.", _emergency),
        Guard.AGAIN: Rule(
            f"No emergency of the same, in a place of this, has run out unapproved in the last {LAPSED_DAYS} "
            "days.",
            _again,
        ),
        Guard.RISK: Rule(
            "The risk is given with and without what compensates for it.", _risk, is_said=True
        ),
        Guard.ASSESSED: Rule(
            "Its risk was assessed, by neither requester nor approver.", _assessed
        ),
        Guard.LENGTH: Rule(
            "It lasts no longer than asked for, and than the limit of the graver of severity and risk.",
            _length,
        ),
        Guard.STOP: Rule("Of an emergency, its 72 hours are not over.", _stop),
        Guard.UNDECIDED: Rule("Nobody has approved it yet at another risk.", _undecided),
        Guard.SEATS: Rule("Every approval that its risk needs is there.", _seats),
        Guard.LINK: Rule(
            "Where a policy changes, the pull request is linked.", _link, is_said=True
        ),
        Guard.IN_PLACE: Rule(
            "A collection found the carve-out; without a policy, that its scope matches.", _in_place
        ),
        Guard.SOMEBODY: Rule(
            "Where a policy changes, somebody has said that they put it in place.", _somebody
        ),
        Guard.BEGUN: Rule("Its first day has come, and its last is not over.", _begun),
        Guard.GONE: Rule("A collection that looked after its end did not find it.", _gone),
        Guard.NEAR_END: Rule("Its last day is 30 days away or less.", _near_end),
        Guard.OVER: Rule("Its last day is over; of an emergency, its 72 hours.", _over),
    }
)
