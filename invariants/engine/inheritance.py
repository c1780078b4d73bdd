"""Declarative and other management policies: how those of all levels become the one that is in force.

https://docs.aws.amazon.com/organizations/latest/userguide/policy-operators.html
https://docs.aws.amazon.com/organizations/latest/userguide/inheritance-examples.html

What AWS's pages leave open is taken as follows. A control at a name holds for all names below it as well,
although AWS's own example of an AI services opt-out policy repeats it at each of them.
Of several @@assign at one level the policy that was attached first counts; then all @@append of that level,
then all @@remove. A list that @@remove has emptied is not in force any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from invariants.engine import reading
from invariants.engine.documents import PolicySyntaxError
from invariants.engine.printing import MAX_DEPTH
from invariants.engine.reading import Json, within

Scalar: TypeAlias = str | int | float | bool | None
Value: TypeAlias = Scalar | list[Any]

_ASSIGN: Final = "@@assign"
_APPEND: Final = "@@append"
_REMOVE: Final = "@@remove"
_CONTROL: Final = "@@operators_allowed_for_child_policies"
_SETTERS: Final = frozenset({_ASSIGN, _APPEND, _REMOVE})
_ALLOWED: Final[dict[str, frozenset[str]]] = {
    "@@all": _SETTERS,
    "@@none": frozenset(),
    _ASSIGN: frozenset({_ASSIGN}),
    _APPEND: frozenset({_APPEND}),
    _REMOVE: frozenset({_REMOVE}),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One name of a policy: its operators, its control, and the names below it."""

    setters: dict[str, Value]
    allowed: frozenset[str]
    below: "dict[str, Setting]"


@dataclass(slots=True)
class _Effective:
    """What is in force at one name so far; `allowed`: which operators the next level may use."""

    value: Value = None
    is_set: bool = False
    allowed: frozenset[str] = _SETTERS
    below: "dict[str, _Effective]" = field(default_factory=dict)


def parse_management(source: str | Mapping[str, Json]) -> Setting:
    """Return a management policy, checked.

    :raises PolicySyntaxError: where it is none; the error says where and why.
    """
    return _setting(reading.read(source), reading.ROOT, depth=0)


def effective_policy(
    levels: Sequence[Sequence[Setting | str | Mapping[str, Json]]],
) -> dict[str, Any]:
    """Return what is in force for an account, by name and without operators.

    `levels` run from the root to the account; the policies of a level are in the order in which they were
    attached, parsed or not.

    :raises PolicySyntaxError: where one is no management policy.
    """
    effective = _Effective()
    for policies in levels:
        parsed = [one if isinstance(one, Setting) else parse_management(one) for one in policies]
        _merge(effective, parsed, _SETTERS)
    return _values(effective)


def _setting(value: Json, path: str, *, depth: int) -> Setting:
    if depth > MAX_DEPTH:
        raise PolicySyntaxError(path, "nested deeper than any policy")
    setters: dict[str, Value] = {}
    below: dict[str, Setting] = {}
    allowed = _SETTERS
    for name, one in reading.members(value, path):
        place = within(path, name)
        if name == _CONTROL:
            allowed = _control(one, place)
        elif name.startswith("@@"):
            setters[name] = _set_value(name, one, place)
        else:
            below[name] = _setting(one, place, depth=depth + 1)
    return Setting(setters, allowed, below)


def _control(value: Json, path: str) -> frozenset[str]:
    allowed: frozenset[str] = frozenset()
    for item, place in reading.items(value, path):
        name = reading.text(item, place)
        if name not in _ALLOWED:
            raise PolicySyntaxError(place, f"the operators are {', '.join(_ALLOWED)}")
        allowed |= _ALLOWED[name]
    return allowed


def _set_value(name: str, value: Json, path: str) -> Value:
    if name not in _SETTERS:
        raise PolicySyntaxError(path, "AWS has no such operator")
    if isinstance(value, list | tuple):
        return [_scalar(one, f"{path}[{number}]") for number, one in enumerate(value)]
    if name != _ASSIGN:
        # AWS takes a single value here as well, and counts it as a list of one.
        return [_scalar(value, path)]
    return _scalar(value, path)


def _scalar(value: Json, path: str) -> Scalar:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and not isinstance(value, reading.Number):
        return reading.text(value, path)
    if isinstance(value, Mapping | list | tuple):
        problem = f"a value is text, a number, true, false or null, not {reading.kind(value)}"
        raise PolicySyntaxError(path, problem)
    return reading.number(value, path)


def _merge(into: _Effective, policies: list[Setting], inherited: frozenset[str]) -> None:
    """Put one level's policies in; what they may do was said by the levels above."""
    may = into.allowed & inherited
    _put(into, policies, may)
    names = dict.fromkeys(name for policy in policies for name in policy.below)
    for name in names:
        below = into.below.setdefault(name, _Effective())
        _merge(below, [policy.below[name] for policy in policies if name in policy.below], may)
    for policy in policies:
        into.allowed &= policy.allowed


def _put(into: _Effective, policies: list[Setting], may: frozenset[str]) -> None:
    for name in (_ASSIGN, _APPEND, _REMOVE):
        given = [policy.setters[name] for policy in policies if name in policy.setters]
        if name not in may or not given:
            continue
        if name == _ASSIGN:
            into.value, into.is_set = given[0], True
        elif name == _APPEND:
            added = [one for value in given for one in _list(value)]
            held = _list(into.value) if into.is_set else []
            into.value = held + [one for one in _distinct(added) if one not in held]
            into.is_set = True
        elif into.is_set:
            gone = [one for value in given for one in _list(value)]
            into.value = [one for one in _list(into.value) if one not in gone]
            into.is_set = bool(into.value)


def _list(value: Value) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _distinct(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return found


def _values(effective: _Effective) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, below in effective.below.items():
        if below.is_set:
            found[name] = below.value
        elif values := _values(below):
            found[name] = values
    return found
