"""What each number of the exceptions process means: words, unit, direction and source (invariants.md 5.5).

`reckoning` reckons them, and nothing else does: page, CSV and API read the same.
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

WINDOW_DAYS: Final = 90


class Unit(StrEnum):
    COUNT = "COUNT"
    PERCENT = "PERCENT"
    DAYS = "DAYS"
    RATE = "RATE"


class Better(StrEnum):
    HIGHER = "HIGHER"
    LOWER = "LOWER"
    NEITHER = "NEITHER"


@dataclass(frozen=True, slots=True)
class Definition:
    """`target`: what the specification asks for, by the unit; None: it asks for nothing.

    `is_red` where missing the target is an alarm, not a matter of degree.
    """

    key: str
    name: str
    meaning: str
    unit: Unit
    better: Better
    source: str
    target: int | None = None
    is_red: bool = False


_ALL: Final = (
    Definition(
        "active",
        "Active exceptions",
        "Exceptions in force: a collection sees them in place, and their last day is not over.",
        Unit.COUNT,
        Better.LOWER,
        "register of exceptions",
    ),
    Definition(
        "per_100",
        "Active per 100 accounts",
        "Active exceptions for each 100 accounts that are active.",
        Unit.RATE,
        Better.LOWER,
        "register of exceptions; AWS Organizations",
    ),
    Definition(
        "adjusted_coverage",
        "Coverage without exceptions",
        "Of the pairs of an account and a mandatory invariant in force, those in which it holds without any "
        "exception or carve-out. K7 counts those with a carve-out as well, and leaves out what a rollout "
        "plan still calls provisional. What is not known does not hold.",
        Unit.PERCENT,
        Better.HIGHER,
        "coverage of invariants, as proven by probes",
    ),
    Definition(
        "decision_median",
        "Request to decision, median",
        "Days from the first submission until it is approved, granted or rejected, by when half are decided. "
        "Decisions of the last 90 days; what is still open counts for as long as it has waited.",
        Unit.DAYS,
        Better.LOWER,
        "log of exceptions",
    ),
    Definition(
        "decision_p90",
        "Request to decision, 90%",
        "The same, by when nine of ten are decided.",
        Unit.DAYS,
        Better.LOWER,
        "log of exceptions",
    ),
    Definition(
        "decided_in_time",
        "Decided within the clock",
        "Of the requests decided in the last 90 days, and of those still open past their due date, the ones "
        "decided in time: one business day for the triage, then the days of their risk; an emergency has "
        "4 hours. A late triage wins no time; what was sent back and submitted again starts anew.",
        Unit.PERCENT,
        Better.HIGHER,
        "log of exceptions; the clocks",
        target=90,
    ),
    Definition(
        "past_expiry",
        "Past their end",
        "Of the exceptions that hold or have ended without being seen removed, those whose end is over.",
        Unit.PERCENT,
        Better.LOWER,
        "register of exceptions",
        target=0,
    ),
    Definition(
        "zombie_rate",
        "Zombie rate",
        "Of the carve-outs that a collection finds in AWS, beyond those of the catalogue, the ones without "
        "a live approval: of exceptions that have ended, and those that nobody approved.",
        Unit.PERCENT,
        Better.LOWER,
        "reconciliation of the register with the deployed policies",
        target=0,
        is_red=True,
    ),
    Definition(
        "unimplemented",
        "Approved, not in place",
        "Of the exceptions that are granted and not ended and need a change of a policy, those that no "
        "collection finds in AWS.",
        Unit.PERCENT,
        Better.LOWER,
        "register of exceptions; deployed policies",
        target=0,
    ),
    Definition(
        "utilisation",
        "Utilisation",
        "Of the active exceptions, those with recorded use in the last 90 days: a call in their scope that "
        "a policy denied. AWS tells of no call that a carve-out let through, so the others are unknown, and "
        "the share is a least one.",
        Unit.PERCENT,
        Better.HIGHER,
        "AWS CloudTrail, calls denied by policies",
    ),
    Definition(
        "blast_radius",
        "Blast radius",
        "Principals times actions that the active exceptions let through: those that the scope names, or "
        "else the different ones that were denied in it in the last 90 days.",
        Unit.COUNT,
        Better.LOWER,
        "scopes of exceptions; AWS CloudTrail",
    ),
    Definition(
        "renewal_rate",
        "Renewal rate",
        "Of the exceptions whose time was over in the last 90 days, those that were followed by a renewal. "
        "What was revoked before its time is left out.",
        Unit.PERCENT,
        Better.LOWER,
        "log of exceptions",
    ),
    Definition(
        "mean_renewals",
        "Renewals on average",
        "How often the line of an active exception has been renewed, on average; two are the most.",
        Unit.RATE,
        Better.LOWER,
        "register of exceptions",
    ),
    Definition(
        "renewed_twice",
        "Renewed twice",
        "Of the active exceptions, those in their third period in a row: the invariant is to be redesigned.",
        Unit.PERCENT,
        Better.LOWER,
        "register of exceptions",
        target=10,
    ),
    Definition(
        "compensated",
        "Compensating control holds",
        "Of the active exceptions that name a Security Hub control which compensates and of which something "
        "is known, those where it is enabled and no finding of it is open in their accounts.",
        Unit.PERCENT,
        Better.HIGHER,
        "register of exceptions; AWS Security Hub",
    ),
    Definition(
        "emergency_share",
        "Granted in an emergency",
        "Of all that was granted in the last 90 days, what was granted as an emergency.",
        Unit.PERCENT,
        Better.LOWER,
        "log of exceptions",
    ),
    Definition(
        "duty_breaches",
        "Breaches of separate duties",
        "Records on which one person has two parts, counted from parts, approvals and the log, whatever "
        "the guards say.",
        Unit.COUNT,
        Better.LOWER,
        "parts, approvals and log of exceptions",
        target=0,
        is_red=True,
    ),
    Definition(
        "milestones_on_time",
        "Milestones on time",
        "Of the milestones of granted exceptions that fell due in the last 90 days, those finished by "
        "their day.",
        Unit.PERCENT,
        Better.HIGHER,
        "plans of exceptions",
    ),
    Definition(
        "age_median",
        "Age, median",
        "Days since the first of its line was granted: a renewal makes an exception no younger.",
        Unit.DAYS,
        Better.LOWER,
        "register of exceptions",
    ),
    Definition(
        "age_oldest",
        "Age of the oldest",
        "The same, of the oldest active exception.",
        Unit.DAYS,
        Better.LOWER,
        "register of exceptions",
        target=180,
    ),
    Definition(
        "findings_inside",
        "Findings inside exceptions",
        "Findings that came up in the scope of an active exception after it began to hold.",
        Unit.COUNT,
        Better.LOWER,
        "AWS Security Hub; scopes of exceptions",
    ),
    Definition(
        "removal_median",
        "End to removal, median",
        "Days from the end until a collection no longer finds the carve-out, by when half are gone. Ends of "
        "the last 90 days; what is still there counts for as long as it has been.",
        Unit.DAYS,
        Better.LOWER,
        "log of exceptions; deployed policies",
    ),
    Definition(
        "removal_p90",
        "End to removal, 90%",
        "The same, by when nine of ten are gone.",
        Unit.DAYS,
        Better.LOWER,
        "log of exceptions; deployed policies",
    ),
    Definition(
        "removed_in_time",
        "Removed within the clock",
        "Of those that ended in the last 90 days and are gone or past two business days, the ones gone by then.",
        Unit.PERCENT,
        Better.HIGHER,
        "log of exceptions; the clocks",
    ),
)
DEFINITIONS: Final = MappingProxyType({one.key: one for one in _ALL})
