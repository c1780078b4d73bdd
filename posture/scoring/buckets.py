"""Where one finding counts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

# Security Hub repeats periodic checks every 12 or 24 hours: three days mean it has stopped.
STALE_AFTER = timedelta(hours=72)


class Bucket(StrEnum):
    """PASSED, FAILED, EXCEPTED and UNKNOWN are counted in a cell; the others stand outside it."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    EXCEPTED = "EXCEPTED"
    UNKNOWN = "UNKNOWN"
    NOT_APPLICABLE = "NOT_APPLICABLE"
    CLOSED = "CLOSED"
    LOST_VISIBILITY = "LOST_VISIBILITY"
    ORGANIZATION = "ORGANIZATION"


class Flag(StrEnum):
    UNAPPROVED_SUPPRESSION = "UNAPPROVED_SUPPRESSION"
    FALSE_CLOSURE = "FALSE_CLOSURE"


_FLAG_OF_WORKFLOW = {
    "SUPPRESSED": Flag.UNAPPROVED_SUPPRESSION,
    "RESOLVED": Flag.FALSE_CLOSURE,
}


@dataclass(frozen=True, slots=True)
class FindingFacts:
    """What decides the bucket of one Security Hub control finding.

    `compliance`, `record_state` and `workflow` are the values of ASFF, "" when the block is
    absent. `age` is the time since the finding was last updated. `is_account_level_resource`: the
    finding's resource is the account itself. `is_account_control`: so is the control's resource
    type. `is_last_known_failed`: its last PASSED or FAILED was FAILED (an episode is open).
    """

    compliance: str
    age: timedelta
    record_state: str = "ACTIVE"
    workflow: str = "NEW"
    is_excepted: bool = False
    is_control_enabled: bool = True
    is_account_level_resource: bool = False
    is_account_control: bool = False
    is_delegated_admin_only: bool = False
    is_last_known_failed: bool = False

    @property
    def is_failing(self) -> bool:
        """Silence never improves a number: a failure that AWS can no longer check still stands."""
        return self.compliance == "FAILED" or (
            self.is_last_known_failed and self.compliance != "PASSED"
        )

    @property
    def is_vacuous(self) -> bool:
        # With no resource to check, Security Hub emits one PASSED finding on the account.
        return (
            self.compliance == "PASSED"
            and self.is_account_level_resource
            and not self.is_account_control
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """`counted_as` is the bucket of Counts that the resource adds to, None for none of them."""

    bucket: Bucket
    counted_as: Bucket | None
    flag: Flag | None = None


# First match wins.
_RULES: tuple[tuple[Callable[[FindingFacts], bool], Bucket], ...] = (
    (lambda f: f.record_state == "ARCHIVED" and f.is_control_enabled, Bucket.CLOSED),
    (lambda f: f.is_delegated_admin_only, Bucket.ORGANIZATION),
    (lambda f: f.is_vacuous, Bucket.NOT_APPLICABLE),
    (lambda f: f.record_state == "ARCHIVED", Bucket.LOST_VISIBILITY),
    (lambda f: f.is_failing and f.is_excepted, Bucket.EXCEPTED),
    (lambda f: f.is_failing, Bucket.FAILED),
    (lambda f: f.compliance == "PASSED" and f.age <= STALE_AFTER, Bucket.PASSED),
)
_COUNTED = frozenset({Bucket.PASSED, Bucket.FAILED, Bucket.EXCEPTED, Bucket.UNKNOWN})


def bucket(facts: FindingFacts) -> Verdict:
    """This will say where a finding counts. What no rule names is UNKNOWN, never a pass."""
    found = next((bucket for rule, bucket in _RULES if rule(facts)), Bucket.UNKNOWN)
    if found is Bucket.LOST_VISIBILITY:
        return Verdict(found, _carried(facts))
    flag = _FLAG_OF_WORKFLOW.get(facts.workflow) if found is Bucket.FAILED else None
    return Verdict(found, found if found in _COUNTED else None, flag)


def _carried(facts: FindingFacts) -> Bucket:
    """The control or the hub was switched off: the last known failure counts on, a pass does not."""
    if not facts.is_failing:
        return Bucket.UNKNOWN
    return Bucket.EXCEPTED if facts.is_excepted else Bucket.FAILED
