"""Rights and roles: the one table that groups, pages and tests read.

A right is a Django permission; a role is a named set of rights, kept in step as a group of that name
after each migration. A person may hold several roles: their rights are the union. Which accounts a
person sees is scope, not role (inventory.access), but for the right to see the whole organisation.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Right:
    """`code` is "app.codename"; `changes` is False where it only reads."""

    code: str
    name: str
    explanation: str
    changes: bool = True


@dataclass(frozen=True, slots=True)
class Role:
    """`name` is the group's name; `rights` are codes of rights."""

    name: str
    explanation: str
    rights: frozenset[str]


SEE_EVERYTHING: Final = "inventory.see_whole_organization"
COLLECT: Final = "inventory.collect_now"
READ_FINDINGS: Final = "findings.read_findings"
TRIAGE: Final = "findings.triage"
IMPORT: Final = "findings.import_findings"
ATTEST: Final = "posture.attest"
READ_REVIEWS: Final = "posture.read_reviews"
EDIT_REVIEWS: Final = "posture.edit_reviews"
PUBLISH_REVIEWS: Final = "posture.publish_reviews"
MANAGE_RECIPIENTS: Final = "posture.manage_recipients"
MANAGE_PEOPLE: Final = "posture.manage_people"
MANAGE_WEBHOOKS: Final = "posture.manage_webhooks"
READ_AUDIT: Final = "posture.read_audit"
MANAGE_INVARIANTS: Final = "invariants.manage_invariants"
ENFORCE_INVARIANTS: Final = "invariants.enforce_invariants"
MANAGE_DRIFT: Final = "invariants.manage_drift"
REQUEST_EXCEPTIONS: Final = "invariants.request_exceptions"
TRIAGE_EXCEPTIONS: Final = "invariants.triage_exceptions"
ASSESS_EXCEPTIONS: Final = "invariants.assess_exceptions"
APPROVE_EXCEPTIONS: Final = "invariants.approve_exceptions"
ACCEPT_EXCEPTION_RISK: Final = "invariants.accept_exception_risk"
APPROVE_HIGH_EXCEPTIONS: Final = "invariants.approve_high_exceptions"
APPROVE_CRITICAL_EXCEPTIONS: Final = "invariants.approve_critical_exceptions"
IMPLEMENT_EXCEPTIONS: Final = "invariants.implement_exceptions"

RIGHTS: Final = (
    Right(
        SEE_EVERYTHING,
        "See the whole organisation",
        "Every OU and account. Without it a person sees the accounts of their teams and the OUs "
        "granted to them.",
        changes=False,
    ),
    Right(
        READ_FINDINGS,
        "Read findings",
        "Single findings and their resources, in lists, exports and the API. Without it a person sees "
        "scores, KPIs and counts.",
        changes=False,
    ),
    Right(
        READ_REVIEWS, "Read weekly reviews", "The review of each week, and its PDF.", changes=False
    ),
    Right(READ_AUDIT, "Read the audit log", "Who changed what, and when.", changes=False),
    Right(
        COLLECT,
        "Start a collection",
        "Read AWS now; who may read findings can also retry what is quarantined.",
    ),
    Right(
        TRIAGE, "Triage", "Set the workflow and note of findings in AWS, where that is switched on."
    ),
    Right(IMPORT, "Import files", "Take in findings from files."),
    Right(ATTEST, "Attest", "Record what no API tells, with an owner and an expiry."),
    Right(EDIT_REVIEWS, "Write the weekly review", "Answers, notes and actions of a draft."),
    Right(PUBLISH_REVIEWS, "Publish the weekly review", "After that nobody can change it."),
    Right(
        MANAGE_INVARIANTS,
        "Manage invariants",
        "Take an invariant from draft to tested and staged, and back; retire what is not enforced.",
    ),
    Right(
        ENFORCE_INVARIANTS,
        "Put invariants into force",
        "Say that an invariant is enforced, or is so no longer.",
    ),
    Right(
        MANAGE_DRIFT,
        "Manage drift",
        "Accept what has drifted from the catalogue, with a reason, and say who looks after it.",
    ),
    Right(
        REQUEST_EXCEPTIONS,
        "Ask for exceptions",
        "From what one sees, for accounts that one sees. Nobody decides on their own request.",
    ),
    Right(TRIAGE_EXCEPTIONS, "Triage requests for exceptions", "Take them up, or send them back."),
    Right(
        ASSESS_EXCEPTIONS,
        "Assess the risk of exceptions",
        "Say how high it is, which decides who approves and for how long at most.",
    ),
    Right(
        APPROVE_EXCEPTIONS,
        "Approve exceptions",
        "Of low risk alone, of medium risk with the owner of the system; grant emergencies; revoke.",
    ),
    Right(
        ACCEPT_EXCEPTION_RISK,
        "Accept risks of a system",
        "The second approval of exceptions of medium risk, on the accounts that one sees.",
    ),
    Right(
        APPROVE_HIGH_EXCEPTIONS,
        "Approve exceptions of high risk",
        "Of high risk alone, of critical risk with an executive; grant such emergencies; revoke.",
    ),
    Right(
        APPROVE_CRITICAL_EXCEPTIONS,
        "Accept critical risks",
        "The second approval of exceptions of critical risk.",
    ),
    Right(
        IMPLEMENT_EXCEPTIONS,
        "Put exceptions in place",
        "Change the policy by a pull request, and take the change out again.",
    ),
    Right(MANAGE_RECIPIENTS, "Manage recipients", "Who gets the weekly review by mail, and when."),
    Right(MANAGE_WEBHOOKS, "Manage webhooks", "Where events are sent to."),
    Right(
        MANAGE_PEOPLE,
        "Manage people",
        "Roles, teams, OUs, groups of the identity provider, service accounts and tokens of others. "
        "Nobody changes their own roles.",
    ),
)

_ENGINEER: Final = frozenset(
    {
        SEE_EVERYTHING,
        READ_FINDINGS,
        COLLECT,
        TRIAGE,
        IMPORT,
        ATTEST,
        READ_REVIEWS,
        EDIT_REVIEWS,
        MANAGE_INVARIANTS,
        MANAGE_DRIFT,
        REQUEST_EXCEPTIONS,
        TRIAGE_EXCEPTIONS,
        ASSESS_EXCEPTIONS,
        IMPLEMENT_EXCEPTIONS,
    }
)

ROLES: Final = (
    Role(
        "Security engineer",
        "Triages findings, tests and stages invariants, and prepares the weekly review.",
        _ENGINEER,
    ),
    Role(
        "Security lead",
        "As a security engineer; puts invariants into force, publishes the weekly review and says who "
        "gets it.",
        _ENGINEER
        | {
            ENFORCE_INVARIANTS,
            APPROVE_EXCEPTIONS,
            PUBLISH_REVIEWS,
            MANAGE_RECIPIENTS,
            MANAGE_WEBHOOKS,
            READ_AUDIT,
        },
    ),
    Role(
        "Executive",
        "Reads scorecards, KPIs and weekly reviews; accepts critical risks.",
        frozenset({SEE_EVERYTHING, READ_REVIEWS, APPROVE_CRITICAL_EXCEPTIONS}),
    ),
    Role(
        "CISO",
        "Reads everything; approves exceptions of high and critical risk, or delegates that.",
        frozenset(
            {
                SEE_EVERYTHING,
                READ_FINDINGS,
                READ_REVIEWS,
                READ_AUDIT,
                APPROVE_EXCEPTIONS,
                APPROVE_HIGH_EXCEPTIONS,
            }
        ),
    ),
    Role(
        "System owner",
        "Answers for systems in the accounts of their teams, and accepts their risks.",
        frozenset({READ_FINDINGS, ATTEST, ACCEPT_EXCEPTION_RISK}),
    ),
    Role(
        "Platform engineer",
        "Changes policies: puts exceptions in place, and removes them.",
        frozenset({SEE_EVERYTHING, READ_FINDINGS, REQUEST_EXCEPTIONS, IMPLEMENT_EXCEPTIONS}),
    ),
    Role(
        "Team member",
        "Sees and attests for the accounts of their teams, and asks for exceptions.",
        frozenset({READ_FINDINGS, ATTEST, REQUEST_EXCEPTIONS}),
    ),
    Role(
        "Auditor",
        "Reads everything, changes nothing.",
        frozenset({SEE_EVERYTHING, READ_FINDINGS, READ_REVIEWS, READ_AUDIT}),
    ),
    Role(
        "Administrator",
        "Settings: people, recipients, webhooks. Approves and publishes nothing.",
        frozenset(
            {
                SEE_EVERYTHING,
                COLLECT,
                MANAGE_PEOPLE,
                MANAGE_RECIPIENTS,
                MANAGE_WEBHOOKS,
                READ_AUDIT,
            }
        ),
    ),
)

ROLE_NAMES: Final = tuple(role.name for role in ROLES)
