"""What is left of a carve-out beside the statement that had the value: the Deny from its end on, and others
that are about it alone."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from invariants.carving.globs import covers, overlap
from invariants.engine import Base, Condition, Effect, Names, Policy, Quantifier, Statement

_NARROWING: Final = frozenset(
    {Base.ARN_LIKE, Base.ARN_EQUALS, Base.STRING_EQUALS, Base.STRING_LIKE}
)
_CLOCKS: Final = frozenset({"aws:currenttime", "aws:epochtime"})
_ALL: Final = Names(("*",))


def without_leftovers(
    policy: Policy,
    after: Mapping[int, Statement],
    taken: Collection[tuple[str, str]],
    serving: Collection[int],
) -> list[Statement | None]:
    """The statements in their order, None for those that go.

    A Deny goes that is for the taken values alone, serves the invariant or has a date, and says nothing that
    the statement they were taken out of does not say by now; of one that is for others as well they go.

    :param after: what became of the statements that the values were taken out of, by number
    """
    grown = [one for number, one in after.items() if one != policy.statements[number]]
    found: list[Statement | None] = []
    for number, statement in enumerate(policy.statements):
        left: Statement | None = after.get(number, statement)
        if left == statement and (number in serving or _has_date(statement)):
            left = _less(statement, grown, taken)
        found.append(left)
    return found


def _has_date(statement: Statement) -> bool:
    return any(condition.key.lower() in _CLOCKS for condition in statement.conditions)


def _less(
    statement: Statement, grown: Collection[Statement], taken: Collection[tuple[str, str]]
) -> Statement | None:
    if statement.effect is not Effect.DENY:
        return statement
    for place, condition in enumerate(statement.conditions):
        if not _is_narrowing(condition):
            continue
        ours = tuple(v for v in condition.values if (condition.key.lower(), v) in taken)
        if not ours:
            continue
        own = _at(statement, place, replace(condition, values=ours))
        if any(_says(one, own) for one in grown):
            rest = tuple(v for v in condition.values if v not in ours)
            return _at(statement, place, replace(condition, values=rest)) if rest else None
    return statement


def _is_narrowing(condition: Condition) -> bool:
    operator = condition.operator
    is_plain = operator.quantifier is Quantifier.NONE and not operator.if_exists
    return is_plain and operator.base in _NARROWING


def _says(wide: Statement, narrow: Statement) -> bool:
    """Whether everything that the one denies is denied by the other, for certain."""
    lower = _lower(narrow.actions)
    return (
        wide.principals == narrow.principals
        and _holds(_lower(wide.actions), lower)
        and _holds(wide.resources or _ALL, narrow.resources or _ALL)
        and all(_is_met(condition, narrow) for condition in wide.conditions)
    )


def _lower(names: Names) -> Names:
    return replace(names, names=tuple(name.lower() for name in names.names))


def _holds(wide: Names, narrow: Names) -> bool:
    if wide == _ALL:
        return True
    if not wide.is_negated:
        is_listed = (any(covers(one, name) for one in wide.names) for name in narrow.names)
        return not narrow.is_negated and all(is_listed)
    if narrow.is_negated:
        return all(any(covers(one, name) for one in narrow.names) for name in wide.names)
    return not any(overlap(one, name) for one in wide.names for name in narrow.names)


def _is_met(condition: Condition, narrow: Statement) -> bool:
    """Whether the condition holds wherever the narrower statement fires."""
    for there in narrow.conditions:
        if there.key.lower() != condition.key.lower():
            continue
        is_same = there.operator.name == condition.operator.name
        if is_same and frozenset(there.values) == frozenset(condition.values):
            return True
        # Another value than all that are left out.
        is_apart = condition.operator.base.positive in _NARROWING and _is_narrowing(there)
        is_open = any("${" in value for value in (*there.values, *condition.values))
        is_plain = condition.operator.quantifier is Quantifier.NONE and not is_open
        if condition.operator.is_negated and is_apart and is_plain:
            return not any(overlap(a, b) for a in there.values for b in condition.values)
    return False


def _at(statement: Statement, place: int, condition: Condition) -> Statement:
    before, rest = statement.conditions[:place], statement.conditions[place + 1 :]
    return replace(statement, conditions=(*before, condition, *rest))
