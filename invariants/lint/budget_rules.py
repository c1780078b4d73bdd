"""Rules of size."""

from collections.abc import Iterator

from invariants import engine
from invariants.lint import limits
from invariants.lint.rules import Hit, Severity, Subject, rule

_PAGE = "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html"
# A carve-out or two, before the policy has to be split.
_HEADROOM = 0.9


@rule(
    "too-large",
    Severity.ERROR,
    explanation="AWS refuses a policy above the limit of its type.",
    fix="Split it, or shorten it: Sids, lists that a wildcard covers, statements with one condition.",
    page=_PAGE,
    is_management=True,
)
def too_large(subject: Subject) -> Iterator[Hit]:
    budget = _budget(subject)
    if budget and budget.is_over:
        yield Hit("$", f"{budget.used} characters without white space, of {budget.limit}")


@rule(
    "nearly-full",
    Severity.NOTICE,
    explanation="The next exception may not fit.",
    fix="Split it before it is urgent.",
    page=_PAGE,
    is_management=True,
)
def nearly_full(subject: Subject) -> Iterator[Hit]:
    budget = _budget(subject)
    if budget and budget.limit and _HEADROOM * budget.limit < budget.used <= budget.limit:
        yield Hit("$", f"{budget.used} characters without white space, of {budget.limit}")


def _budget(subject: Subject) -> limits.Budget | None:
    try:
        return limits.size_budget(subject.document, subject.policy_type)
    except engine.PolicySyntaxError:
        return None
