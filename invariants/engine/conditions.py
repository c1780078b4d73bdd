"""Conditions, compiled: what each comes to by what is known of its key.

| state of the key       | positive | negated | IfExists | ForAnyValue | ForAllValues | Null true | false |
|------------------------|----------|---------|----------|-------------|--------------|-----------|-------|
| present                | compared | compared| compared | one does    | all do       | F         | T     |
| absent, or no value    | F        | T       | T        | F           | T            | T         | F     |
| present, value unknown | U        | U       | U        | U           | U            | F         | T     |
| unknown                | U        | U       | U        | U           | U            | U         | U     |
| one of several         | what all of them come to, else U                                            |

Not documented, hence unknown: ForAnyValue with IfExists on an absent key, and several values in a key
without a set operator.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from invariants.engine import comparisons, templates
from invariants.engine.documents import Base, Condition, Quantifier
from invariants.engine.states import (
    UNKNOWN_STATE,
    Absent,
    KeyState,
    OneOf,
    Present,
    PresentUnknown,
    States,
    is_open,
    worlds,
)
from invariants.engine.truth import (
    FALSE,
    TRUE,
    UNKNOWN,
    Truth,
    agreement,
    conjunction,
    disjunction,
    known,
    negation,
)

_UNDOCUMENTED_ABSENCE: Final = (
    "AWS does not say what ForAnyValue with IfExists makes of an absent key"
)
_UNDOCUMENTED_VALUES: Final = (
    "AWS does not say what an operator without ForAnyValue or ForAllValues makes of several values"
)
_UNREADABLE: Final = "AWS does not say what the operator makes of such values"


@dataclass(frozen=True, slots=True)
class ConditionFinding:
    """What one condition came to.

    `missing` names the keys, of the condition and of its variables, whose unknown state kept it open;
    `doubt` says what AWS leaves open, where that did.
    """

    condition: Condition
    state: KeyState
    truth: Truth
    missing: tuple[str, ...] = ()
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class CompiledCondition:
    """A condition that is ready to be asked; `keys` are all that it reads, in lower case."""

    condition: Condition
    key: str
    variables: tuple[templates.Variable, ...]
    of_state: Callable[[KeyState, States], Truth]

    def truth(self, states: States) -> Truth:
        return self.of_state(states.get(self.key, UNKNOWN_STATE), states)

    @property
    def keys(self) -> frozenset[str]:
        return frozenset([self.key, *(one.key.lower() for one in self.variables if one.is_key)])

    def finding(self, states: States) -> ConditionFinding:
        state = states.get(self.key, UNKNOWN_STATE)
        truth = self.of_state(state, states)
        missing = self._missing(state, states) if truth is UNKNOWN else ()
        doubt = self._doubt(state) if truth is UNKNOWN and not missing else None
        return ConditionFinding(self.condition, state, truth, missing, doubt)

    def _missing(self, state: KeyState, states: States) -> tuple[str, ...]:
        named = [self.condition.key] if is_open(state) else []
        named += [one.key for one in self.variables if is_open(templates.state_of(one, states))]
        return tuple(dict.fromkeys(named))

    def _doubt(self, state: KeyState) -> str:
        if isinstance(state, Present) and len(state.values) > 1:
            operator = self.condition.operator
            return _UNREADABLE if operator.quantifier else _UNDOCUMENTED_VALUES
        return _UNREADABLE if isinstance(state, Present) and state.values else _UNDOCUMENTED_ABSENCE


def compile_condition(condition: Condition, *, has_variables: bool) -> CompiledCondition:
    """Return the condition, ready; `has_variables` False leaves ${...} literal (Version 2008-10-17)."""
    base = condition.operator.base
    has_variables = has_variables and base.takes_variables
    variables = [
        variable
        for value in condition.values
        for variable in templates.template(value, has_variables=has_variables).variables
    ]
    of_state = _null(condition) if base is Base.NULL else _ordinary(condition, has_variables)
    return CompiledCondition(condition, condition.key.lower(), tuple(variables), of_state)


def _null(condition: Condition) -> Callable[[KeyState, States], Truth]:
    """Null asks whether the key is absent: `true` that it is, `false` that it is not."""
    wanted = {value.lower() for value in condition.values}

    def when(is_absent: bool) -> Truth:
        if ("true" if is_absent else "false") in wanted:
            return TRUE
        return FALSE if wanted <= {"true", "false"} else UNKNOWN

    if_absent, if_present = when(True), when(False)

    def of_state(state: KeyState, states: States) -> Truth:
        if isinstance(state, Present):
            return if_present if state.values else if_absent
        if isinstance(state, Absent):
            return if_absent
        if isinstance(state, PresentUnknown):
            return if_present
        if isinstance(state, OneOf):
            return agreement(of_state(world, states) for world in worlds(state))
        return agreement([if_absent, if_present])

    return of_state


def _ordinary(condition: Condition, has_variables: bool) -> Callable[[KeyState, States], Truth]:
    operator = condition.operator
    compare = comparisons.comparison(
        operator.base.positive, condition.values, has_variables=has_variables
    )
    of_values = _OF_VALUES[operator.quantifier](compare, operator.is_negated)
    if_absent = _if_absent(condition)

    def of_state(state: KeyState, states: States) -> Truth:
        if type(state) is Present:
            return of_values(state.values, states) if state.values else if_absent
        if type(state) is Absent:
            return if_absent
        if type(state) is OneOf:
            return agreement(of_state(world, states) for world in worlds(state))
        return UNKNOWN

    return of_state


def _if_absent(condition: Condition) -> Truth:
    operator = condition.operator
    if operator.quantifier is Quantifier.ANY:
        return UNKNOWN if operator.if_exists else FALSE
    if operator.quantifier is Quantifier.ALL:
        return TRUE
    return known(operator.if_exists or operator.is_negated)


def _of_one(
    compare: comparisons.Comparison, is_negated: bool
) -> Callable[[tuple[str, ...], States], Truth]:
    def of_values(values: tuple[str, ...], states: States) -> Truth:
        if len(values) > 1:
            return UNKNOWN
        truth = compare(values[0], states)
        return negation(truth) if is_negated else truth

    return of_values


def _of_any(
    compare: comparisons.Comparison, is_negated: bool
) -> Callable[[tuple[str, ...], States], Truth]:
    def of_values(values: tuple[str, ...], states: States) -> Truth:
        truths = (compare(value, states) for value in values)
        return disjunction(map(negation, truths) if is_negated else truths)

    return of_values


def _of_all(
    compare: comparisons.Comparison, is_negated: bool
) -> Callable[[tuple[str, ...], States], Truth]:
    def of_values(values: tuple[str, ...], states: States) -> Truth:
        truths = (compare(value, states) for value in values)
        return conjunction(map(negation, truths) if is_negated else truths)

    return of_values


_OF_VALUES: Final = {
    Quantifier.NONE: _of_one,
    Quantifier.ANY: _of_any,
    Quantifier.ALL: _of_all,
}
