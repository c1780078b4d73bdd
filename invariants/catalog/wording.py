"""A policy in plain words, one entry a statement or value: what the page says beside the JSON.

An Allow statement is never said to allow: it does not deny, which is all that a policy of an
organisation can do.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypedDict

from invariants.catalog.vocabulary import AUTHORISATION_TYPES, RCP, SCP
from invariants.engine import (
    Base,
    Condition,
    Effect,
    Grammar,
    Names,
    Policy,
    PolicySyntaxError,
    Principals,
    Quantifier,
    Statement,
    parse,
)

_GRAMMARS: Final = {SCP: Grammar.SCP, RCP: Grammar.RCP}
# So many names are said; the JSON beside it has the rest.
_MOST: Final = 8
_ASSIGNS: Final = {
    "@@assign": "is",
    "@@append": "has added",
    "@@remove": "has taken away",
}
_COMPARED: Final = {
    Base.NUMERIC_LESS_THAN: "is less than",
    Base.NUMERIC_LESS_THAN_EQUALS: "is at most",
    Base.NUMERIC_GREATER_THAN: "is more than",
    Base.NUMERIC_GREATER_THAN_EQUALS: "is at least",
    Base.DATE_LESS_THAN: "is before",
    Base.DATE_LESS_THAN_EQUALS: "is at the latest",
    Base.DATE_GREATER_THAN: "is after",
    Base.DATE_GREATER_THAN_EQUALS: "is at the earliest",
}
_PATTERNS: Final = frozenset({Base.STRING_LIKE, Base.ARN_LIKE, Base.ARN_EQUALS})


class Wording(TypedDict):
    """`conditions` all have to hold for the statement to apply; of a value there are none."""

    sid: str
    effect: str
    text: str
    conditions: list[str]


def words(policy: Mapping[str, Any], policy_type: str) -> tuple[Wording, ...]:
    """Return the policy in words, in its own order; empty for a text that is no policy of its type."""
    if policy_type not in AUTHORISATION_TYPES:
        return tuple(_values(policy, ()))
    try:
        read = parse(policy, grammar=_GRAMMARS.get(policy_type, Grammar.ANY))
    except PolicySyntaxError:
        return ()
    return tuple(_statement(read, statement) for statement in read.statements)


def _statement(policy: Policy, statement: Statement) -> Wording:
    who = _who(statement.principals)
    verb = f"Denies {who}" if statement.effect is Effect.DENY else f"Does not deny {who}"
    actions, resources = _actions(statement.actions), _resources(statement.resources)
    ends = " where all of this holds:" if statement.conditions else ", whatever the circumstances."
    return Wording(
        sid=statement.sid or "",
        effect=statement.effect.value,
        text=f"{verb} {actions} on {resources}{ends}",
        conditions=[_condition(one) for one in statement.conditions],
    )


def _who(principals: Principals | None) -> str:
    if principals is None:
        return "everybody in the accounts it reaches"
    if principals.is_everyone and not principals.is_negated:
        return "everybody, from wherever they come,"
    named = _listed([value for _, values in principals.by_kind for value in values], "and")
    return f"everybody but {named}" if principals.is_negated else named


def _actions(names: Names) -> str:
    if names.names == ("*",) and not names.is_negated:
        return "every action"
    listed = _listed(list(names.names), "and")
    return f"every action but {listed}" if names.is_negated else listed


def _resources(names: Names | None) -> str:
    if names is None or (names.names == ("*",) and not names.is_negated):
        return "every resource"
    listed = _listed(list(names.names), "and")
    return f"every resource but {listed}" if names.is_negated else listed


def _condition(condition: Condition) -> str:
    operator = condition.operator
    if operator.base is Base.NULL:
        is_absent = condition.values[:1] == ("true",)
        return f"the request {'has no' if is_absent else 'has'} {condition.key}"
    subject = {
        Quantifier.NONE: condition.key,
        Quantifier.ANY: f"at least one value of {condition.key}",
        Quantifier.ALL: f"every value of {condition.key}",
    }[operator.quantifier]
    return f"{subject} {_compared(condition)}{_absent(condition)}"


def _compared(condition: Condition) -> str:
    base, values = condition.operator.base, list(condition.values)
    if base in _COMPARED:
        return f"{_COMPARED[base]} {_listed(values, 'or')}"
    if base.positive is Base.IP_ADDRESS:
        return f"{'is not in' if base.is_negated else 'is in'} {_listed(values, 'or')}"
    if base.positive in _PATTERNS:
        negated = "does not match" if len(values) == 1 else "matches none of"
        return f"{negated if base.is_negated else 'matches'} {_listed(values, 'or')}"
    verb = "is neither" if base.is_negated and len(values) > 1 else "is"
    if base.is_negated and len(values) == 1:
        verb = "is not"
    joined = _listed(values, "nor" if verb == "is neither" else "or")
    case = ", in upper or lower case" if "IgnoreCase" in base.value else ""
    return f"{verb} {joined}{case}"


def _absent(condition: Condition) -> str:
    """What a request without the key comes to: the point that is most often read wrongly."""
    operator = condition.operator
    if operator.quantifier is Quantifier.ALL:
        return " (also where there is none)"
    if operator.quantifier is Quantifier.ANY:
        return ""
    return " (also without such a key)" if operator.is_negated or operator.if_exists else ""


def _values(found: Any, path: tuple[str, ...]) -> Iterator[Wording]:  # JSON of any shape
    """The leaves of a management policy: each value that accounts inherit."""
    if not isinstance(found, Mapping):
        yield _value(path, "is", found)
        return
    for name, value in found.items():
        if name in _ASSIGNS:
            yield _value(path, _ASSIGNS[name], value)
        elif name.startswith("@@"):
            yield _limits(path, name, value)
        else:
            yield from _values(value, (*path, name))


def _value(path: tuple[str, ...], verb: str, value: Any) -> Wording:
    values = [_plain(one) for one in value] if isinstance(value, list) else [_plain(value)]
    return Wording(
        sid=".".join(path), effect="", text=f"{verb} {_listed(values, 'and')}", conditions=[]
    )


def _limits(path: tuple[str, ...], name: str, value: Any) -> Wording:
    said = _listed(value if isinstance(value, list) else [_plain(value)], "and")
    return Wording(
        sid=".".join(path),
        effect="",
        text=f"what a policy further down may do to it ({name}): {said}",
        conditions=[],
    )


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _listed(names: list[str], word: str) -> str:
    """Names as people list them; of many the first, and how many more there are."""
    shown = names[:_MOST]
    if len(names) > len(shown):
        return f"{', '.join(shown)} {word} {len(names) - len(shown)} more"
    if len(shown) < 2:
        return "".join(shown) or "nothing"
    return f"{', '.join(shown[:-1])} {word} {shown[-1]}"
