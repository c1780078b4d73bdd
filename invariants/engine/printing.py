"""Policy to JSON, in a form to read, in the smallest form, and in one form for all equal policies."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from invariants.engine import reading
from invariants.engine.documents import (
    OLD_VERSION,
    Condition,
    Names,
    Policy,
    PolicySyntaxError,
    Principals,
    Statement,
)
from invariants.engine.reading import Json

# A setting of a management policy lies five or six names deep.
MAX_DEPTH: Final = 50
_SPACE: Final = re.compile(r'("(?:[^"\\]|\\.)*")|\s+', re.DOTALL)


def print_policy(policy: Policy, *, indent: int | None = None) -> str:
    """Return the policy as JSON, `parse` of which is the policy again; a list of one is its one value.

    Without `indent` no white space is written, as AWS counts it against the size.
    """
    separators = (",", ":") if indent is None else None
    return json.dumps(document(policy), indent=indent, separators=separators, ensure_ascii=False)


def document(policy: Policy) -> dict[str, Any]:
    """Return the policy as the object that its JSON stands for."""
    found: dict[str, Any] = {}
    if policy.version is not None:
        found["Version"] = policy.version
    if policy.policy_id is not None:
        found["Id"] = policy.policy_id
    return found | {"Statement": [_statement(statement) for statement in policy.statements]}


def canonical(policy: Policy) -> Policy:
    """Return the policy in the one form of all that say the same in other words.

    Order, repetition and spelling of actions, operators and keys are AWS's; Sids and the policy's Id mean
    nothing to AWS and fall away.
    """
    statements = {_canonical_statement(statement) for statement in policy.statements}
    ordered = sorted(statements, key=lambda statement: json.dumps(_statement(statement)))
    return Policy(tuple(ordered), policy.version or OLD_VERSION)


def fingerprint(policy: Policy) -> str:
    """Return 64 hexadecimal digits that policies share where their canonical forms are equal."""
    return hashlib.sha256(print_policy(canonical(policy)).encode()).hexdigest()


def minified(source: str | Mapping[str, Json] | Policy) -> str:
    """Return the JSON without white space between its parts; lists and names stay as they are.

    :raises PolicySyntaxError: where it is no JSON object.
    """
    if isinstance(source, Policy):
        return print_policy(source)
    read = _plain(reading.read(source), reading.ROOT)
    # Of a text the characters as they are: AWS counts an escape as it is written.
    return _SPACE.sub(r"\1", source) if isinstance(source, str) else _compact(read)


def minified_size(source: str | Mapping[str, Json] | Policy) -> int:
    """Return the number of characters that are left without white space.

    AWS's limits count every character of what is stored; the console strips white space, the API does not.
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
    """
    return len(minified(source))


def canonical_management(source: str | Mapping[str, Json]) -> str:
    """Return a management policy in the one form of all that differ in order and white space only.

    Lists count as sets.

    :raises PolicySyntaxError: where it is no JSON object.
    """
    return _compact(_sorted(_plain(reading.read(source), reading.ROOT)))


def _statement(statement: Statement) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if statement.sid is not None:
        found["Sid"] = statement.sid
    found["Effect"] = statement.effect.value
    if statement.principals is not None:
        found[_element("Principal", statement.principals.is_negated)] = _principals(
            statement.principals
        )
    found |= _names("Action", statement.actions)
    if statement.resources is not None:
        found |= _names("Resource", statement.resources)
    if statement.conditions:
        found["Condition"] = _conditions(statement.conditions)
    return found


def _element(name: str, is_negated: bool) -> str:
    return f"Not{name}" if is_negated else name


def _names(name: str, names: Names) -> dict[str, Any]:
    return {_element(name, names.is_negated): _single(names.names)}


def _principals(principals: Principals) -> Any:
    if principals.by_kind == (("*", ("*",)),):
        return "*"
    return {kind: _single(values) for kind, values in principals.by_kind}


def _conditions(conditions: Iterable[Condition]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for condition in conditions:
        written = condition.operator.written or condition.operator.name
        found.setdefault(written, {})[condition.key] = _single(condition.values)
    return found


def _single(values: tuple[str, ...]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _canonical_statement(statement: Statement) -> Statement:
    conditions = [
        Condition(
            replace(condition.operator, written=condition.operator.name),
            condition.key.lower(),
            _set(condition.values),
        )
        for condition in statement.conditions
    ]
    return Statement(
        effect=statement.effect,
        actions=Names(
            _set(name.lower() for name in statement.actions.names), statement.actions.is_negated
        ),
        resources=_canonical_names(statement.resources),
        principals=_canonical_principals(statement.principals),
        conditions=tuple(sorted(conditions, key=lambda one: (one.operator.name, one.key))),
    )


def _canonical_names(names: Names | None) -> Names | None:
    return None if names is None else Names(_set(names.names), names.is_negated)


def _canonical_principals(principals: Principals | None) -> Principals | None:
    """Principal "*" and {"AWS": "*"} are the same to AWS."""
    if principals is None:
        return None
    if principals.is_everyone:
        return Principals((("*", ("*",)),), principals.is_negated)
    by_kind = sorted((kind, _set(values)) for kind, values in principals.by_kind)
    return Principals(tuple(by_kind), principals.is_negated)


def _set(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))


def _plain(value: Json, path: str, depth: int = 0) -> Json:
    """The value with its numbers as numbers again, checked on the way."""
    if depth > MAX_DEPTH:
        raise PolicySyntaxError(path, "nested deeper than any policy")
    if isinstance(value, Mapping):
        return {
            name: _plain(one, reading.within(path, name), depth + 1)
            for name, one in reading.members(value, path)
        }
    if isinstance(value, list | tuple):
        return [_plain(one, f"{path}[{n}]", depth + 1) for n, one in enumerate(value)]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and not isinstance(value, reading.Number):
        return reading.text(value, path)
    return reading.number(value, path)


def _sorted(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [json.loads(one) for one in sorted({_compact(_sorted(one)) for one in value})]
    return value


def _compact(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
