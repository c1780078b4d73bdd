"""One Deny with a box cut out of it, and put together again.

A Deny has conditions that all have to hold, so that one statement can leave out one side of a box only.
What is left of a Deny without a box is an alternative of statements: it beyond the first side; it within
the first and beyond the second; and so on. Together they deny what the one did, but for the box.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from invariants.carving.boxes import Kind, Side
from invariants.carving.globs import covers, overlap
from invariants.carving.refusals import Unfit
from invariants.engine import Base, Condition, Names, Quantifier, Statement

# Operators that a value may be added to instead of a condition of its own.
_LISTS: Final = {
    Base.ARN_NOT_LIKE: frozenset({Base.ARN_NOT_LIKE, Base.ARN_NOT_EQUALS, Base.STRING_NOT_LIKE}),
    Base.STRING_NOT_EQUALS: frozenset({Base.STRING_NOT_EQUALS}),
    Base.STRING_NOT_LIKE: frozenset({Base.STRING_NOT_LIKE}),
}
_NARROWING: Final = frozenset(
    {Base.ARN_LIKE, Base.ARN_EQUALS, Base.STRING_EQUALS, Base.STRING_LIKE}
)
_ALL: Final = Names(("*",))


def cut(statement: Statement, sides: Sequence[Side]) -> tuple[Statement, ...]:
    """The statements that deny what this one does, but for the box; the statement itself where it has no
    part in the box.

    :raises Unfit: where a side cannot be written.
    """
    if not all(_is_touched(statement, side) for side in sides):
        return (statement,)
    found = []
    rest = statement
    for side in sides:
        beyond = without(rest, side)
        if beyond is not None:
            found.append(beyond)
        rest = within(rest, side)
    return tuple(found)


def _is_touched(statement: Statement, side: Side) -> bool:
    """Whether some of what it denies lies within the side."""
    return without(statement, side) != statement and not any(
        _is_apart(condition, statement) for condition in side.outside[:1] if len(side.outside) == 1
    )


def without(statement: Statement, side: Side) -> Statement | None:
    """The statement beyond a side; None where nothing of it is; itself where none of it is within.

    :raises Unfit: where that cannot be written.
    """
    if side.outside and all(_is_inside(condition, statement) for condition in side.outside):
        return None
    found = statement
    for condition in side.outside:
        found = _with(found, condition)
    if side.actions:
        return _without_actions(found, side.actions)
    return _without_resources(found, side) if side.resources else found


def within(statement: Statement, side: Side) -> Statement:
    """The statement within a side, or more of it where that cannot be written: more is denied twice."""
    if side.actions:
        return _within_actions(statement, side.actions)
    condition = side.inside
    if condition is None or _same_place(statement, condition) is not None:
        return statement
    return replace(statement, conditions=(*statement.conditions, condition))


def restored(statement: Statement, side: Side) -> Statement:
    """The statement without what leaves the side out of it, as far as it is there in full."""
    found = statement
    for condition in side.outside:
        found = _less(found, condition)
    if side.actions and found.actions.is_negated:
        found = replace(found, actions=_fewer(found.actions, side.actions) or _ALL)
    resources = found.resources
    if side.resources and resources is not None and resources.is_negated:
        found = replace(found, resources=_fewer(resources, side.resources) or _ALL)
    return found


def _with(statement: Statement, condition: Condition) -> Statement:
    """With one more condition, or with its values in the list that is there already."""
    place = _list_for(statement, condition)
    if place is None:
        if condition.operator.base is Base.DATE_GREATER_THAN_EQUALS:
            return _later(statement, condition)
        if _same_place(statement, condition) is not None:
            raise Unfit(
                f"The statement {_name(statement)} asks for {condition.key} in a way that an exception "
                "cannot be added to.",
                "Rewrite the statement so that it stands in a list of its own, or use another mechanism.",
            )
        return replace(statement, conditions=(*statement.conditions, condition))
    there = statement.conditions[place]
    added = [v for v in condition.values if not _is_held(v, there)]
    if not added:
        return statement
    grown = replace(there, values=(*there.values, *added))
    return _at(statement, place, grown)


def _later(statement: Statement, condition: Condition) -> Statement:
    """Of two dates the later one counts."""
    place = _same_place(statement, condition)
    if place is None:
        return replace(statement, conditions=(*statement.conditions, condition))
    there = statement.conditions[place]
    if len(there.values) != 1:
        raise Unfit(
            f"The statement {_name(statement)} has several dates.",
            "Give each exception a statement of its own first.",
        )
    return statement if there.values >= condition.values else _at(statement, place, condition)


def _list_for(statement: Statement, condition: Condition) -> int | None:
    for place, there in enumerate(statement.conditions):
        operator = there.operator
        is_same_kind = operator.base in _LISTS.get(condition.operator.base, ())
        if (
            is_same_kind
            and there.key.lower() == condition.key.lower()
            and operator.quantifier is condition.operator.quantifier
            and not any("${" in value for value in condition.values)
        ):
            return place
    return None


def _is_held(value: str, there: Condition) -> bool:
    is_exact = there.operator.base is Base.STRING_NOT_EQUALS
    return any(one == value if is_exact else covers(one, value) for one in there.values)


def _same_place(statement: Statement, condition: Condition) -> int | None:
    """Where JSON has room for one condition only: the same operator and key."""
    for place, there in enumerate(statement.conditions):
        is_same = there.operator.name == condition.operator.name
        if is_same and there.key.lower() == condition.key.lower():
            return place
    return None


def _is_inside(condition: Condition, statement: Statement) -> bool:
    """Whether the statement is about values of that key alone that the condition leaves out."""
    return condition.operator.base.is_negated and any(
        all(any(covers(one, value) for one in condition.values) for value in there.values)
        for there in _narrowed(condition, statement)
    )


def _is_apart(condition: Condition, statement: Statement) -> bool:
    """Whether the statement is about other values of that key alone."""
    return any(
        not any(overlap(one, other) for one in there.values for other in condition.values)
        for there in _narrowed(condition, statement)
    )


def _narrowed(condition: Condition, statement: Statement) -> Iterator[Condition]:
    """The conditions that ask for certain values of the same key."""
    if condition.operator.quantifier is not Quantifier.NONE:
        return
    for there in statement.conditions:
        operator = there.operator
        is_plain = operator.quantifier is Quantifier.NONE and not operator.if_exists
        is_same = there.key.lower() == condition.key.lower() and operator.base in _NARROWING
        if is_plain and is_same and not any("${" in value for value in there.values):
            yield there


def _without_actions(statement: Statement, actions: Sequence[str]) -> Statement | None:
    names = statement.actions
    if names.is_negated:
        added = [a for a in actions if not any(covers(n.lower(), a.lower()) for n in names.names)]
        if not added:
            return statement
        return replace(statement, actions=Names((*names.names, *added), is_negated=True))
    if names.names == ("*",):
        return replace(statement, actions=Names(tuple(actions), is_negated=True))
    kept = tuple(_kept(names.names, actions, statement, is_action=True))
    return replace(statement, actions=Names(kept)) if kept else None


def _within_actions(statement: Statement, actions: Sequence[str]) -> Statement:
    names = statement.actions
    if names.is_negated:
        left = [a for a in actions if not any(overlap(n.lower(), a.lower()) for n in names.names)]
        is_whole = len(left) == len(actions)
        return replace(statement, actions=Names(tuple(actions))) if is_whole else statement
    if names.names == ("*",):
        return replace(statement, actions=Names(tuple(actions)))
    inner = [n for n in names.names if any(covers(a.lower(), n.lower()) for a in actions)]
    return replace(statement, actions=Names(tuple(inner))) if inner else statement


def _without_resources(statement: Statement, side: Side) -> Statement | None:
    names = statement.resources
    if names is None or (not names.is_negated and names.names == ("*",)):
        return replace(statement, resources=Names(side.resources, is_negated=True))
    if names.is_negated:
        added = [r for r in side.resources if not any(covers(n, r) for n in names.names)]
        if not added:
            return statement
        return replace(statement, resources=Names((*names.names, *added), is_negated=True))
    kept = tuple(_kept(names.names, side.resources, statement, is_action=False))
    if side.kind is Kind.TAG and kept != names.names:
        raise Unfit(
            f"The statement {_name(statement)} names its resources, and the scope names some of them "
            "beside a tag: one statement cannot leave out both.",
            "Ask for the resources and for the tag in two requests.",
        )
    return replace(statement, resources=Names(kept)) if kept else None


def _kept(
    names: Sequence[str], gone: Sequence[str], statement: Statement, *, is_action: bool
) -> Iterator[str]:
    """The names that are left of a list.

    :raises Unfit: where a name stands for more than what is to go.
    """
    for name in names:
        plain = name.lower() if is_action else name
        others = [one.lower() if is_action else one for one in gone]
        if any(covers(one, plain) for one in others):
            continue
        wider = next((one for one in others if overlap(one, plain)), None)
        if wider is not None:
            what = "actions" if is_action else "resources"
            raise Unfit(
                f'The statement {_name(statement)} denies "{name}" under one name, which stands for '
                f'more than "{wider}".',
                f"Leave the {what} out of the request, so that the principal is exempt from the whole "
                f"statement, or ask the platform to write out what the policy means by {name}.",
            )
        yield name


def _less(statement: Statement, condition: Condition) -> Statement:
    place = _list_for(statement, condition)
    if place is None:
        place = _same_place(statement, condition)
    if place is None:
        return statement
    there = statement.conditions[place]
    if not frozenset(condition.values) <= frozenset(there.values):
        return statement
    left = tuple(value for value in there.values if value not in condition.values)
    if left:
        return _at(statement, place, replace(there, values=left))
    rest = (*statement.conditions[:place], *statement.conditions[place + 1 :])
    return replace(statement, conditions=rest)


def _fewer(names: Names, gone: Sequence[str]) -> Names | None:
    lower = {one.lower() for one in gone}
    if not lower <= {name.lower() for name in names.names}:
        return names
    left = tuple(name for name in names.names if name.lower() not in lower)
    return Names(left, is_negated=True) if left else None


def _at(statement: Statement, place: int, condition: Condition) -> Statement:
    before, after = statement.conditions[:place], statement.conditions[place + 1 :]
    return replace(statement, conditions=(*before, condition, *after))


def _name(statement: Statement) -> str:
    return statement.sid or "without a name"
