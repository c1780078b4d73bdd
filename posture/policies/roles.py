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
            PUBLISH_REVIEWS,
            MANAGE_RECIPIENTS,
            MANAGE_WEBHOOKS,
            READ_AUDIT,
        },
    ),
    Role(
        "Executive",
        "Reads scorecards, KPIs and weekly reviews.",
        frozenset({SEE_EVERYTHING, READ_REVIEWS}),
    ),
    Role(
        "Team member",
        "Sees and attests for the accounts of their teams.",
        frozenset({READ_FINDINGS, ATTEST}),
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
