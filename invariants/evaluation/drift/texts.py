"""What two policies say, piece by piece: a policy is the set of its units.

A unit of an SCP or RCP is one statement, and of a policy that sets values one value at one path, both in
canonical form: white space, order, repetition, Sids, the case of actions, and single values against lists
of one make no difference, and everything else does.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, TypeAlias

from invariants import engine

SCP: Final = "SERVICE_CONTROL_POLICY"
RCP: Final = "RESOURCE_CONTROL_POLICY"
_REQUESTS: Final = {SCP: engine.Grammar.SCP, RCP: engine.Grammar.RCP}
_EVERYTHING: Final = frozenset({"*"})

Names: TypeAlias = frozenset[str]


@dataclass(frozen=True, slots=True)
class Unit:
    """`text` is the same for the same meaning, and differs for another.

    `subject` is what it is about (actions, or the path of a value), `place` its resources, `terms` its
    conditions, or the value.
    """

    text: str
    subject: Names
    place: Names
    terms: Names
    is_everything: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A policy that could be read. `statements` go with `units`, one by one; none where it sets values."""

    type: str
    units: tuple[Unit, ...]
    statements: tuple[engine.Statement, ...] = ()
    version: str = ""
    values: tuple[tuple[tuple[str, ...], Any], ...] = ()

    @property
    def texts(self) -> frozenset[str]:
        return frozenset(unit.text for unit in self.units)


def decides_requests(policy_type: str) -> bool:
    return policy_type in _REQUESTS


@lru_cache(maxsize=2048)
def read(policy_type: str, content: str) -> Text | None:
    """The policy in pieces; None where it cannot be read, so that nothing is known of it."""
    try:
        if policy_type in _REQUESTS:
            return _of_requests(policy_type, content)
        return _of_values(policy_type, content)
    except engine.PolicySyntaxError:
        return None


def likeness(one: Unit, other: Unit) -> float:
    """How much two units are about the same thing: 1 is the same, 0 is nothing in common.

    Statements are alike by their actions. What all policies share, such as the role that they exempt,
    makes them so only where the actions are the same, or say "everything".
    """
    if one.text == other.text:
        return 1.0
    subject = _share(one.subject, other.subject)
    if subject == 0:
        return 0.0
    place, terms = _share(one.place, other.place), _share(one.terms, other.terms)
    if one.is_everything and other.is_everything:
        return 0.2 * place + 0.8 * terms
    return 0.6 * subject + 0.2 * place + 0.2 * terms


def pretty(parts: Sequence[Text], *, spelling: Mapping[str, str]) -> str:
    """The parts as one policy in JSON, for people: lists as lists, an item a line, and no Sids.

    `spelling` has actions and keys as somebody wrote them, by their lower case: AWS knows no case there,
    so that a change of it is none.
    """
    if not parts:
        return ""
    if parts[0].statements:
        document: Any = {
            "Version": parts[0].version,
            "Statement": [_shown(s, spelling) for part in parts for s in part.statements],
        }
    else:
        document = _tree(sorted(value for part in parts for value in part.values))
    return json.dumps(document, indent=2, ensure_ascii=False)


def spelling_of(policies: Iterable[str]) -> dict[str, str]:
    """Actions and keys of JSON policies as they are written there, by lower case; the first one counts."""
    found: dict[str, str] = {}
    for content in policies:
        try:
            policy = engine.parse(content)
        except engine.PolicySyntaxError:
            continue
        for statement in policy.statements:
            for name in (*statement.actions.names, *(c.key for c in statement.conditions)):
                found.setdefault(name.lower(), name)
    return found


def only(text: Text, wanted: Iterable[str]) -> Text:
    """Of the policy those units, in the order of `wanted`."""
    place = {unit.text: number for number, unit in enumerate(text.units)}
    numbers = [place[one] for one in dict.fromkeys(wanted) if one in place]
    return replace(
        text,
        units=tuple(text.units[n] for n in numbers),
        statements=tuple(text.statements[n] for n in numbers) if text.statements else (),
        values=tuple(text.values[n] for n in numbers) if text.values else (),
    )


def _of_requests(policy_type: str, content: str) -> Text:
    try:
        policy = engine.parse(content, grammar=_REQUESTS[policy_type])
    except engine.PolicySyntaxError:
        # AWS may have widened the grammar since: what it stores is a policy all the same.
        policy = engine.parse(content)
    canonical = engine.canonical(policy)
    version = canonical.version or engine.OLD_VERSION
    units = tuple(_statement_unit(statement, version) for statement in canonical.statements)
    return Text(policy_type, units, canonical.statements, version)


def _statement_unit(statement: engine.Statement, version: str) -> Unit:
    is_not = "not " if statement.actions.is_negated else ""
    resources = statement.resources
    conditions = frozenset(
        f"{condition.operator.name} {condition.key} {value}"
        for condition in statement.conditions
        for value in condition.values
    )
    return Unit(
        text=engine.print_policy(engine.Policy((statement,), version)),
        subject=frozenset(is_not + name for name in statement.actions.names),
        place=_EVERYTHING
        if resources is None
        else frozenset(f"{resources.is_negated}{name}" for name in resources.names),
        terms=conditions | {statement.effect.value},
        is_everything=is_not == "" and "*" in statement.actions.names,
    )


def _of_values(policy_type: str, content: str) -> Text:
    document = json.loads(engine.canonical_management(content))
    values = tuple(_leaves(document, ()))
    units = tuple(
        Unit(
            text=json.dumps([path, value], ensure_ascii=False),
            # Where it is set; the operator (@@assign) belongs to how.
            subject=frozenset({"/".join(step for step in path if not step.startswith("@@"))}),
            place=_EVERYTHING,
            terms=frozenset({json.dumps([path[-1:], value], ensure_ascii=False)}),
        )
        for path, value in values
    )
    return Text(policy_type, units, values=values)


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and value:
        for name, one in value.items():
            yield from _leaves(one, (*path, name))
    elif isinstance(value, list) and len(value) == 1:
        # A setting takes one value or several, never either: the brackets say nothing.
        yield path, value[0]
    else:
        yield path, value


def _tree(values: Iterable[tuple[tuple[str, ...], Any]]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value in values:
        at = tree
        for step in path[:-1]:
            at = at.setdefault(step, {})
        if path:
            at[path[-1]] = value
    return tree


def _shown(statement: engine.Statement, spelling: Mapping[str, str]) -> dict[str, Any]:
    whole = engine.document(engine.Policy((statement,), engine.VERSION))
    document: dict[str, Any] = whole["Statement"][0]
    for name in ("Action", "NotAction"):
        if name in document:
            written = [spelling.get(one, one) for one in _list(document[name])]
            document[name] = sorted(written, key=str.lower)
    for name in ("Resource", "NotResource"):
        if name in document:
            document[name] = _list(document[name])
    if "Condition" in document:
        document["Condition"] = {
            operator: {spelling.get(key, key): _list(values) for key, values in keys.items()}
            for operator, keys in document["Condition"].items()
        }
    return document


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _share(one: Names, other: Names) -> float:
    """What both have, of what either has; two empty sets are the same."""
    either = one | other
    return len(one & other) / len(either) if either else 1.0
