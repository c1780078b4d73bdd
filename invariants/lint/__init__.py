"""The linter of policies: what is written differently from what it does.

Every rule has an id, a severity, an explanation, a fix and the page of AWS that it rests on. The
linter says nothing of identity policies: it reads SCPs, RCPs, permissions boundaries and, for syntax
and size, the policies that set values.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from invariants.engine import PolicySyntaxError
from invariants.engine.reading import read

# The modules register their rules when they are imported.
from invariants.lint import action_rules, budget_rules, condition_rules, language_rules
from invariants.lint.actions import data_date
from invariants.lint.exemption_rules import guards_of
from invariants.lint.limits import Budget, Limit, Limits, current_limits, size_budget, slot_budget
from invariants.lint.rules import RULES, Guards, Rule, Severity, Subject

__all__ = [
    "RULES",
    "Budget",
    "Guards",
    "Limit",
    "Limits",
    "LintFinding",
    "Rule",
    "Severity",
    "action_rules",
    "budget_rules",
    "condition_rules",
    "current_limits",
    "data_date",
    "guards_of",
    "language_rules",
    "lint",
    "size_budget",
    "slot_budget",
]

_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTICE: 2}
_NOTHING = Guards()


@dataclass(frozen=True, slots=True)
class LintFinding:
    """A rule that a policy breaks, where, and on what."""

    rule: Rule
    path: str
    message: str

    def __str__(self) -> str:
        return (
            f"{self.rule.severity} {self.rule.id} at {self.path}: {self.message}. {self.rule.fix}"
        )


def lint(
    policy: str | Mapping[str, Any],
    policy_type: str,
    *,
    guards: Guards = _NOTHING,
    waived: Collection[str] = (),
) -> tuple[LintFinding, ...]:
    """Everything that the rules find in `policy`, the gravest first.

    `policy_type` is AWS's name of it. `guards` is what the organisation's other policies protect
    (`guards_of`): without them every exemption by tag counts as open. `waived` are ids of rules that
    are broken on purpose.
    """
    try:
        document = read(policy)
    except PolicySyntaxError as error:
        return (LintFinding(RULES["syntax"], error.path, error.problem),)
    subject = Subject(document, policy_type, guards)
    decides = language_rules.is_authorisation(policy_type)
    found = [
        LintFinding(rule, hit.path, hit.message)
        for rule in RULES.values()
        if rule.id not in waived and (decides or rule.is_management)
        for hit in rule.check(subject)
    ]
    return tuple(sorted(found, key=lambda f: (_ORDER[f.rule.severity], f.path, f.rule.id)))
