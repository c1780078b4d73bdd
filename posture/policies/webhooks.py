"""What a webhook can be told of, and the right that its owner needs for it: the one table.

An event without a line here cannot be announced. Who is told what of it stands in
posture.queries.webhooks, one function an event.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.contrib.auth.models import User

from posture.policies import roles, tokens


@dataclass(frozen=True, slots=True)
class EventType:
    """`code` is what the receiver reads; `right` is a code of posture.policies.roles."""

    code: str
    name: str
    explanation: str
    right: str


TEST: Final = "webhook.test"
FINDINGS_OPENED: Final = "findings.opened"
FINDINGS_CLOSED: Final = "findings.closed"
FINDINGS_WORKFLOW: Final = "findings.workflow_changed"
REVIEW_FROZEN: Final = "review.frozen"
REVIEW_PUBLISHED: Final = "review.published"
REVIEW_ERRATUM: Final = "review.erratum"
INVARIANT_MOVED: Final = "invariant.moved"
DRIFT_OPENED: Final = "drift.opened"
DRIFT_ENDED: Final = "drift.ended"
COLLECTION_FAILED: Final = "collection.failed"
COLLECTION_PARTIAL: Final = "collection.partial"
EXCEPTION_SUBMITTED: Final = "exception.submitted"
EXCEPTION_CHANGES_REQUESTED: Final = "exception.changes_requested"
EXCEPTION_APPROVED: Final = "exception.approved"
EXCEPTION_GRANTED: Final = "exception.granted"
EXCEPTION_REJECTED: Final = "exception.rejected"
EXCEPTION_WITHDRAWN: Final = "exception.withdrawn"
EXCEPTION_ACTIVE: Final = "exception.active"
EXCEPTION_EXPIRING: Final = "exception.expiring"
EXCEPTION_EXPIRED: Final = "exception.expired"
EXCEPTION_REVOKED: Final = "exception.revoked"
EXCEPTION_ZOMBIE: Final = "exception.zombie"
EXCEPTION_REVIEW: Final = "exception.review_due"
EXCEPTION_CLOSED: Final = "exception.closed"

EVENTS: Final = (
    EventType(
        FINDINGS_OPENED,
        "Findings opened",
        "New failures, and failures that came back: together, every few minutes.",
        roles.READ_FINDINGS,
    ),
    EventType(
        FINDINGS_CLOSED,
        "Findings closed",
        "Passed, archived, or resolved: together, every few minutes.",
        roles.READ_FINDINGS,
    ),
    EventType(
        FINDINGS_WORKFLOW,
        "Workflow of findings changed",
        "Somebody notified, suppressed or resolved them: together, every few minutes.",
        roles.READ_FINDINGS,
    ),
    EventType(
        REVIEW_FROZEN,
        "Weekly review frozen",
        "The numbers of a week are taken, and its draft is there to be written in.",
        roles.READ_REVIEWS,
    ),
    EventType(
        REVIEW_PUBLISHED,
        "Weekly review published",
        "With its answer and its headline.",
        roles.READ_REVIEWS,
    ),
    EventType(
        REVIEW_ERRATUM,
        "Erratum added",
        "To a published weekly review.",
        roles.READ_REVIEWS,
    ),
    EventType(
        INVARIANT_MOVED,
        "Invariant moved",
        "Somebody took a step of its life: tested, staged, enforced, retired, or back.",
        roles.SEE_EVERYTHING,
    ),
    EventType(
        DRIFT_OPENED,
        "Drift opened",
        "Policies in AWS are not what the catalogue of invariants says: all of one reading together.",
        roles.READ_FINDINGS,
    ),
    EventType(
        DRIFT_ENDED,
        "Drift ended",
        "They are so again: all of one reading together.",
        roles.READ_FINDINGS,
    ),
    EventType(
        COLLECTION_FAILED,
        "Collection failed",
        "Nothing could be read from AWS.",
        roles.SEE_EVERYTHING,
    ),
    EventType(
        COLLECTION_PARTIAL,
        "Collection incomplete",
        "Some of AWS could not be read: which, and for want of which permission.",
        roles.SEE_EVERYTHING,
    ),
    *(
        EventType(code, name, explanation, roles.READ_FINDINGS)
        for code, name, explanation in (
            (
                EXCEPTION_SUBMITTED,
                "Exception asked for",
                "Somebody sent a request, or sent it again.",
            ),
            (
                EXCEPTION_CHANGES_REQUESTED,
                "Exception sent back",
                "A request has to be changed before it is decided.",
            ),
            (EXCEPTION_APPROVED, "Exception approved", "By everybody whom its risk needs."),
            (
                EXCEPTION_GRANTED,
                "Emergency granted",
                "An exception goes ahead at once, for 72 hours.",
            ),
            (EXCEPTION_REJECTED, "Exception rejected", "With the reason."),
            (EXCEPTION_WITHDRAWN, "Exception withdrawn", "By who asked for it."),
            (EXCEPTION_ACTIVE, "Exception in place", "A collection found it in AWS."),
            (EXCEPTION_EXPIRING, "Exception ends soon", "It has thirty days left, or fewer."),
            (EXCEPTION_EXPIRED, "Exception expired", "It has to be removed from AWS now."),
            (EXCEPTION_REVOKED, "Exception revoked", "It was ended before its time."),
            (
                EXCEPTION_ZOMBIE,
                "Exception ended, and still in place",
                "A collection still finds it in AWS after its end.",
            ),
            (
                EXCEPTION_REVIEW,
                "Exception to be looked at again",
                "Half of its life is over, or what it was granted for has changed.",
            ),
            (EXCEPTION_CLOSED, "Exception closed", "A collection found it gone."),
        )
    ),
)
BY_CODE: Final[Mapping[str, EventType]] = {one.code: one for one in EVENTS}
# By verb of an exception's log; one that moves no state is told only where it says so below.
_OF_EXCEPTION: Final[Mapping[str, str]] = {
    "SUBMIT": EXCEPTION_SUBMITTED,
    "REQUEST_CHANGES": EXCEPTION_CHANGES_REQUESTED,
    "APPROVE": EXCEPTION_APPROVED,
    "GRANT": EXCEPTION_GRANTED,
    "REJECT": EXCEPTION_REJECTED,
    "WITHDRAW": EXCEPTION_WITHDRAWN,
    "FIND": EXCEPTION_ACTIVE,
    "WARN": EXCEPTION_EXPIRING,
    "EXPIRE": EXCEPTION_EXPIRED,
    "REVOKE": EXCEPTION_REVOKED,
    "LINGER": EXCEPTION_ZOMBIE,
    "REVIEW": EXCEPTION_REVIEW,
    "CLOSE": EXCEPTION_CLOSED,
}
EXCEPTIONS: Final = tuple(dict.fromkeys(_OF_EXCEPTION.values()))
FINDINGS: Final = (FINDINGS_OPENED, FINDINGS_CLOSED, FINDINGS_WORKFLOW)


def of_exception(verb: str, before: str, after: str) -> str | None:
    """The event that a verb of an exception's log is; None where webhooks are not told of it.

    One approval of two is not yet one.
    """
    if verb == "APPROVE" and before == after:
        return None
    return _OF_EXCEPTION.get(verb)


def may_be_told(owner: User, code: str) -> bool:
    """Whether a webhook of this owner may be told of the event at all, as of now."""
    if not tokens.may_own(owner):
        return False
    # A test says nothing that its sender does not know.
    return code == TEST or (code in BY_CODE and owner.has_perm(BY_CODE[code].right))


def events_of(owner: User) -> tuple[EventType, ...]:
    """What the owner's webhooks may be told of, in the order of the table."""
    return tuple(one for one in EVENTS if may_be_told(owner, one.code))
