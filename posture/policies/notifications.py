"""Who is told what of exceptions: the one table, read by fan-out, page, tests and docs/notifications.md.

A kind is what people choose by; a rule says which kind an event is to whom. Who is told of several kinds
by one event gets the first of them in the order of KINDS.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from invariants.models.exceptions import ExceptionState, Verb
from posture.models.notifications import Mode, NotificationKind


class Audience(StrEnum):
    """Whom a rule means; the value is how it reads."""

    NEXT = "whoever can take the next step now"
    REQUESTER = "who asked for it"
    MENTIONED = "who is mentioned"
    INVOLVED = "everybody with a part in it: requester, assessor, approvers, implementer"
    APPROVERS = "who asked for it, assessed its risk, or approved it"
    DELEGATE = "the delegate"


class Trigger(StrEnum):
    """What is told of beside the events of a record."""

    OVERDUE = "OVERDUE"
    ABSENCE = "ABSENCE"


@dataclass(frozen=True, slots=True)
class Kind:
    """`default` is how it comes by mail until a person chooses otherwise. A mandatory kind can come in
    the digest, but not be switched off by mail; an urgent one comes at once, in quiet hours too."""

    code: NotificationKind
    explanation: str
    default: Mode = Mode.AT_ONCE
    is_mandatory: bool = False
    is_urgent: bool = False

    @property
    def name(self) -> str:
        return str(self.code.label)

    @property
    def modes(self) -> tuple[Mode, ...]:
        """What can be chosen for mail."""
        if self.is_urgent:
            return (Mode.AT_ONCE,)
        return (Mode.AT_ONCE, Mode.DIGEST) if self.is_mandatory else tuple(Mode)


KINDS: Final = (
    Kind(
        NotificationKind.EMERGENCY,
        "Somebody asks for an exception in an emergency, and you can take the next step.",
        is_mandatory=True,
        is_urgent=True,
    ),
    Kind(
        NotificationKind.WAIT,
        "You can take the next step: triage, assess, approve, put in place, remove, or change your request.",
        is_mandatory=True,
    ),
    Kind(
        NotificationKind.OVERDUE,
        "You can take a step that should have been taken by now.",
        is_mandatory=True,
    ),
    Kind(
        NotificationKind.DELEGATION,
        "Somebody who is away left their approvals to you.",
        is_mandatory=True,
    ),
    Kind(
        NotificationKind.ZOMBIE,
        "An exception in which you have a part has ended, and a collection still finds it in AWS.",
        is_mandatory=True,
    ),
    Kind(
        NotificationKind.EXPIRY,
        "An exception that you asked for has expired or was revoked.",
        is_mandatory=True,
    ),
    Kind(
        NotificationKind.DECISION,
        "Your request was approved, granted, rejected, or sent back for changes.",
        is_mandatory=True,
    ),
    Kind(NotificationKind.MENTION, "A comment names you with @."),
    Kind(
        NotificationKind.REMINDER,
        "An exception that you asked for ends in 30, 14, 7 and 1 days: renew it, or let it end.",
    ),
    Kind(
        NotificationKind.REVIEW,
        "Half of its life is over, or what it was granted for has changed.",
    ),
    Kind(
        NotificationKind.COMMENT,
        "Somebody comments on, or adds evidence to, an exception in which you have a part.",
        default=Mode.DIGEST,
    ),
    Kind(
        NotificationKind.PROGRESS,
        "Your request was triaged, assessed, put in place, found in place, or closed.",
        default=Mode.DIGEST,
    ),
)
BY_CODE: Final[Mapping[str, Kind]] = MappingProxyType({one.code.value: one for one in KINDS})
WEIGHT: Final[Mapping[str, int]] = MappingProxyType(
    {one.code.value: place for place, one in enumerate(KINDS)}
)
# What several people in a room can be told: not what is one person's own affair.
FOR_ROOMS: Final = (
    NotificationKind.EMERGENCY.value,
    NotificationKind.WAIT.value,
    NotificationKind.OVERDUE.value,
    NotificationKind.ZOMBIE.value,
    NotificationKind.EXPIRY.value,
    NotificationKind.DECISION.value,
    NotificationKind.REMINDER.value,
    NotificationKind.REVIEW.value,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """`trigger` is a Verb of a record's log, or a Trigger."""

    trigger: str
    kind: NotificationKind
    audience: Audience


def _rules(
    kind: NotificationKind, audience: Audience, *triggers: Verb | Trigger
) -> tuple[Rule, ...]:
    return tuple(Rule(trigger.value, kind, audience) for trigger in triggers)


# In an emergency WAIT is told as EMERGENCY (`told_as`).
RULES: Final = (
    *_rules(
        NotificationKind.WAIT,
        Audience.NEXT,
        *(Verb.SUBMIT, Verb.TRIAGE, Verb.ASSESS, Verb.APPROVE, Verb.GRANT, Verb.REQUEST_CHANGES),
        *(Verb.LOSE, Verb.EXPIRE, Verb.REVOKE),
    ),
    *_rules(NotificationKind.OVERDUE, Audience.NEXT, Trigger.OVERDUE),
    *_rules(NotificationKind.DELEGATION, Audience.DELEGATE, Trigger.ABSENCE),
    *_rules(NotificationKind.ZOMBIE, Audience.INVOLVED, Verb.LINGER),
    *_rules(NotificationKind.ZOMBIE, Audience.NEXT, Verb.LINGER),
    *_rules(NotificationKind.EXPIRY, Audience.REQUESTER, Verb.EXPIRE, Verb.REVOKE),
    *_rules(
        NotificationKind.DECISION,
        Audience.REQUESTER,
        *(Verb.REQUEST_CHANGES, Verb.APPROVE, Verb.GRANT, Verb.REJECT),
    ),
    *_rules(NotificationKind.MENTION, Audience.MENTIONED, Verb.COMMENT),
    *_rules(NotificationKind.REMINDER, Audience.REQUESTER, Verb.REMIND),
    *_rules(NotificationKind.REVIEW, Audience.APPROVERS, Verb.REVIEW),
    *_rules(NotificationKind.COMMENT, Audience.INVOLVED, Verb.COMMENT, Verb.ATTACH),
    *_rules(
        NotificationKind.PROGRESS,
        Audience.REQUESTER,
        *(Verb.TRIAGE, Verb.ASSESS, Verb.IMPLEMENT, Verb.FIND, Verb.LOSE),
        *(Verb.REMOVE, Verb.CLOSE, Verb.SUPERSEDE),
    ),
)
TOLD: Final = frozenset(rule.trigger for rule in RULES)

# Which steps are waited for in a state; who can take one of them is next.
NEXT_STEPS: Final[Mapping[str, tuple[Verb, ...]]] = MappingProxyType(
    {
        ExceptionState.SUBMITTED.value: (Verb.TRIAGE, Verb.GRANT),
        ExceptionState.TRIAGED.value: (Verb.ASSESS, Verb.GRANT),
        ExceptionState.RISK_ASSESSED.value: (Verb.APPROVE,),
        ExceptionState.CHANGES_REQUESTED.value: (Verb.SUBMIT,),
        ExceptionState.EMERGENCY.value: (Verb.ASSESS, Verb.APPROVE, Verb.IMPLEMENT),
        ExceptionState.APPROVED.value: (Verb.IMPLEMENT,),
        ExceptionState.IMPLEMENTING.value: (Verb.IMPLEMENT,),
        ExceptionState.EXPIRED.value: (Verb.REMOVE,),
        ExceptionState.REVOKED.value: (Verb.REMOVE,),
    }
)
# What is asked of whoever is next, as the end of "EX-0001 waits for you: …".
STEP_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        Verb.TRIAGE.value: "triage it",
        Verb.GRANT.value: "grant the emergency, or say no",
        Verb.ASSESS.value: "assess its risk",
        Verb.APPROVE.value: "approve it, or say no",
        Verb.SUBMIT.value: "change it, and send it again",
        Verb.IMPLEMENT.value: "put it in place",
        Verb.REMOVE.value: "remove it from AWS",
    }
)


def rules_of(trigger: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in RULES if rule.trigger == trigger)


def told_as(kind: str, *, is_emergency: bool) -> str:
    """An emergency that waits is a kind of its own."""
    is_wait = kind in (NotificationKind.WAIT, NotificationKind.OVERDUE)
    return NotificationKind.EMERGENCY.value if is_wait and is_emergency else kind
