"""Verdicts in words."""

from typing import Final

from invariants.engine.conditions import ConditionFinding
from invariants.engine.exemptions import Exemption, Layer
from invariants.engine.states import KeyState, OneOf, Present, PresentUnknown, Unknown
from invariants.engine.truth import FALSE, TRUE, UNKNOWN, Truth
from invariants.engine.verdicts import Outcome, Reason, Verdict

_NAMES: Final = {Layer.SCP: "service control policies", Layer.RCP: "resource control policies"}
_EXEMPTIONS: Final = {
    Exemption.MANAGEMENT_ACCOUNT: "they do not reach the management account",
    Exemption.SERVICE_LINKED_ROLE: "they do not reach service-linked roles",
    Exemption.AWS_SERVICE: "they do not reach AWS services that act for themselves",
    Exemption.ANONYMOUS: "nobody of the organisation asks",
    Exemption.OUTSIDE_ORGANIZATION: "the account is not of this organisation",
    Exemption.UNRESTRICTED_TASK: "AWS leaves this task out of their reach",
    Exemption.UNSUPPORTED_SERVICE: "the service does not support them",
    Exemption.UNRESTRICTED_ACTION: "AWS leaves this action out of their reach",
    Exemption.AWS_MANAGED_KEY: "they do not reach keys that AWS manages",
}
_TRUTHS: Final = {TRUE: "true", FALSE: "not true", UNKNOWN: "open"}


def explain(verdict: Verdict) -> str:
    """Return the verdict and its reasons, one sentence a line; never that anything is allowed."""
    return "\n".join([_outcome(verdict), *map(_condition, verdict.conditions), *_missing(verdict)])


def _outcome(verdict: Verdict) -> str:
    layer = _NAMES[verdict.layer]
    if verdict.outcome is Outcome.NOT_DENIED:
        return f"Not denied by the {layer}: {_why_not(verdict)}."
    if verdict.reason is Reason.NO_ALLOW:
        return f"Denied by the {layer}: nothing at {verdict.level} allows it."
    if verdict.reason is Reason.UNREADABLE_POLICY:
        return f"Unknown: the policy {verdict.policy} at {verdict.level} could not be read."
    place = _place(verdict)
    if verdict.outcome is Outcome.DENIED:
        return f"Denied by the {layer}: {place}."
    if verdict.reason is Reason.UNKNOWN_SCOPE:
        return f"Unknown: {place} counts only if the {layer} reach this request."
    return f"Unknown: {place} decides, and may apply or not."


def _why_not(verdict: Verdict) -> str:
    if verdict.exemption is not None:
        return _EXEMPTIONS[verdict.exemption]
    return "none are in use" if verdict.reason is Reason.NO_POLICIES else "none applies"


def _place(verdict: Verdict) -> str:
    if verdict.policy is None:
        return f"that nothing at {verdict.level} allows it"
    name = f"“{verdict.sid}”" if verdict.sid else f"number {(verdict.statement or 0) + 1}"
    return f"statement {name} of {verdict.policy} at {verdict.level}"


def _condition(finding: ConditionFinding) -> str:
    condition = finding.condition
    values = ", ".join(condition.values[:5]) + (", …" if len(condition.values) > 5 else "")
    doubt = f" ({finding.doubt})" if finding.doubt else ""
    return (
        f"{condition.operator.name} {condition.key} [{values}] is {_truth(finding.truth)}: "
        f"the key is {_state(finding.state)}{doubt}."
    )


def _truth(truth: Truth) -> str:
    return _TRUTHS[truth]


def _state(state: KeyState) -> str:
    if isinstance(state, Present):
        return ", ".join(state.values) or "without a value"
    if isinstance(state, PresentUnknown):
        return "there with an unknown value"
    if isinstance(state, Unknown):
        return "unknown"
    if isinstance(state, OneOf):
        return " or ".join(map(_state, state.states))
    return "absent"


def _missing(verdict: Verdict) -> list[str]:
    if verdict.reason is Reason.UNDOCUMENTED:
        return ["AWS does not document this case."]
    return [f"Missing: {', '.join(verdict.missing)}."] if verdict.missing else []
