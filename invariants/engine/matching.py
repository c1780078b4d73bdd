"""Statements, compiled: action, resource and principal of a request against those of a statement.

Actions are compared without regard to case, resources with it. A * of a resource matches any text:
AWS's pages differ on whether it stops at a colon, and an ARN that a Deny misses is the worse mistake.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from invariants.engine import patterns, templates
from invariants.engine.conditions import CompiledCondition, ConditionFinding, compile_condition
from invariants.engine.documents import VERSION, Names, Principals, Statement
from invariants.engine.requests import Principal, PrincipalType, Request
from invariants.engine.states import States, is_open
from invariants.engine.truth import FALSE, TRUE, UNKNOWN, Truth, disjunction, known, negation

# What a verdict names as missing where it is no key.
RESOURCE: Final = "resource"
PRINCIPAL: Final = "principal"


@dataclass(frozen=True, slots=True)
class CompiledStatement:
    """A statement that is ready to be asked."""

    statement: Statement
    # Of an action in lower case.
    has_action: Callable[[str], bool]
    # None: it matches every resource, or everyone.
    of_resource: "ResourceTest | None"
    conditions: tuple[CompiledCondition, ...]

    @property
    def is_unconditional(self) -> bool:
        """Whether it applies to everybody, on every resource, in every context."""
        principals = self.statement.principals
        is_everyone = principals is None or (principals.is_everyone and not principals.is_negated)
        return self.of_resource is None and not self.conditions and is_everyone

    def truth(self, request: Request) -> Truth:
        """Whether the statement applies."""
        return self.truth_for_action(request) if self.has_action(request.action.lower()) else FALSE

    def truth_for_action(self, request: Request) -> Truth:
        """Whether it applies, its action being known to match."""
        states = request.states
        result = TRUE
        if self.of_resource is not None:
            result = self.of_resource.truth(request.resource, states)
            if result is FALSE:
                return FALSE
        for condition in self.conditions:
            truth = condition.truth(states)
            if truth is FALSE:
                return FALSE
            if truth is UNKNOWN:
                result = UNKNOWN
        principals = self.statement.principals
        if principals is None:
            return result
        truth = principal_truth(principals, request.principal)
        return result if truth is TRUE else truth

    def findings(self, request: Request) -> tuple[ConditionFinding, ...]:
        return tuple(condition.finding(request.states) for condition in self.conditions)

    def missing(self, request: Request) -> tuple[str, ...]:
        """Return what keeps the statement open: keys, and RESOURCE or PRINCIPAL where those do."""
        named: list[str] = []
        if self.of_resource is not None:
            named += self.of_resource.missing(request.resource, request.states)
        principals = self.statement.principals
        if principals is not None and principal_truth(principals, request.principal) is UNKNOWN:
            named.append(PRINCIPAL)
        for finding in self.findings(request):
            named += finding.missing
        return tuple(dict.fromkeys(named))

    @property
    def keys(self) -> frozenset[str]:
        """All keys that it reads, in lower case."""
        keys = {key for condition in self.conditions for key in condition.keys}
        if self.of_resource is not None:
            keys |= {one.key.lower() for one in self.of_resource.variables if one.is_key}
        return frozenset(keys)


@dataclass(frozen=True, slots=True)
class ResourceTest:
    """Resource or NotResource that is not simply everything."""

    is_negated: bool
    fixed: Callable[[str], object] | None
    moving: tuple[templates.Template, ...]

    def truth(self, resource: str | None, states: States) -> Truth:
        """A variable without a value matches no resource, hence under NotResource all."""
        truth = UNKNOWN if resource is None else self._positive(resource, states)
        return negation(truth) if self.is_negated else truth

    def _positive(self, resource: str, states: States) -> Truth:
        if self.fixed is not None and self.fixed(resource):
            return TRUE
        return disjunction(_filled(parts, resource, states) for parts in self.moving)

    def missing(self, resource: str | None, states: States) -> tuple[str, ...]:
        if self.truth(resource, states) is not UNKNOWN:
            return ()
        if resource is None:
            return (RESOURCE,)
        return tuple(one.key for one in self.variables if is_open(templates.state_of(one, states)))

    @property
    def variables(self) -> tuple[templates.Variable, ...]:
        return tuple(variable for parts in self.moving for variable in parts.variables)


def compile_statement(statement: Statement, *, has_variables: bool) -> CompiledStatement:
    """Return the statement, ready; `has_variables` False leaves ${...} literal (Version 2008-10-17)."""
    return CompiledStatement(
        statement,
        _actions(statement.actions),
        _resources(statement.resources, has_variables=has_variables),
        tuple(
            compile_condition(condition, has_variables=has_variables)
            for condition in statement.conditions
        ),
    )


def statement_truth(
    statement: Statement, request: Request, *, version: str | None = VERSION
) -> Truth:
    """Return whether one statement applies, by itself, whatever its effect."""
    return compile_statement(statement, has_variables=version == VERSION).truth(request)


def principal_truth(principals: Principals, principal: Principal) -> Truth:
    """Whether Principal, or where negated NotPrincipal, names who asks."""
    if principals.is_everyone:
        return known(not principals.is_negated)
    truth = disjunction(
        _names(kind, value, principal) for kind, values in principals.by_kind for value in values
    )
    return negation(truth) if principals.is_negated else truth


def _names(kind: str, value: str, principal: Principal) -> Truth:
    if principal.type is PrincipalType.UNKNOWN:
        return UNKNOWN
    if kind == "Service":
        is_service = principal.type is PrincipalType.SERVICE
        return known(is_service and value in ("*", principal.arn))
    if kind != "AWS":
        # Neither a federation provider nor a canonical user id can be told from an IAM ARN.
        return UNKNOWN
    if principal.type in (PrincipalType.SERVICE, PrincipalType.ANONYMOUS):
        return FALSE
    return _names_identity(value, principal)


def _names_identity(value: str, principal: Principal) -> Truth:
    """By account, by root, which stands for the account, or by ARN."""
    if value.endswith(":root") and value.count(":") == patterns.ARN_SEGMENTS - 1:
        value = value.split(":")[patterns.ARN_SEGMENTS - 2]
    if value.isdigit():
        if principal.account_id is None:
            return UNKNOWN
        return known(value == principal.account_id)
    # The ARN of a session names one session of the role.
    if principal.arn is None or ":assumed-role/" in value:
        return UNKNOWN
    return known(value == principal.arn)


def _actions(actions: Names) -> Callable[[str], bool]:
    names = {name.lower() for name in actions.names}
    if "*" in names:
        return lambda _: not actions.is_negated
    exact = frozenset(name for name in names if "*" not in name and "?" not in name)
    wild = [patterns.glob_source(templates.wild(name)) for name in sorted(names - exact)]
    matches = patterns.compiled(wild).fullmatch if wild else None
    is_negated = actions.is_negated

    def has_action(action: str) -> bool:
        found = action in exact or (matches is not None and matches(action) is not None)
        return found is not is_negated

    return has_action


def _resources(resources: Names | None, *, has_variables: bool) -> ResourceTest | None:
    if resources is None or (not resources.is_negated and "*" in resources.names):
        return None
    parsed = [templates.template(name, has_variables=has_variables) for name in resources.names]
    fixed = [parts for parts in parsed if not parts.variables]
    moving = tuple(parts for parts in parsed if parts.variables)
    return ResourceTest(resources.is_negated, _whole(fixed), moving)


def _whole(fixed: Sequence[templates.Template]) -> Callable[[str], object] | None:
    if not fixed:
        return None
    filled = (templates.fill(parts, {}, has_wildcards=True).pattern for parts in fixed)
    return patterns.compiled(map(patterns.glob_source, filled)).fullmatch


def _filled(parts: templates.Template, resource: str, states: States) -> Truth:
    filled = templates.fill(parts, states, has_wildcards=True)
    if filled.truth is FALSE or not patterns.glob(filled.pattern).fullmatch(resource):
        return FALSE
    return filled.truth
