"""The values by which an exception lets something through, and which of those in a list are its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from invariants.carving.asking import Way
from invariants.carving.boxes import Kind, Side
from invariants.carving.globs import covers
from invariants.carving.grounds import Sighted
from invariants.carving.policies import Usual
from invariants.engine import Policy

ACTION: Final = "action"
RESOURCE: Final = "resource"
_PRINCIPAL: Final = "aws:principalarn"
_TAG: Final = "tag/"
# A key in lower case, or ACTION or RESOURCE, and a value.
Value = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Held:
    """Another exception that holds on, and the values by which it does."""

    ref: str
    values: frozenset[Value]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to go. `usual` is what the catalogue's own text exempts, which stays; `members` are the accounts
    of the scope, and `is_theirs`: the policy reaches no other."""

    ref: str
    values: frozenset[Value]
    sighted: tuple[Sighted, ...] = ()
    usual: Usual = ()
    others: tuple[Held, ...] = ()
    members: frozenset[str] = frozenset()
    is_theirs: bool = False


def values_of(sides: Sequence[Side], way: Way) -> frozenset[Value]:
    """The values by which a mechanism lets a scope through: its principals, its tags, or the rest.

    Where only accounts are named, these.
    """
    by_group: dict[Way, set[Value]] = {}
    places: set[Value] = set()
    for side in sides:
        if side.kind is Kind.TIME:
            continue
        if side.kind is Kind.PLACE:
            places |= set(_values(side))
            continue
        for value in _values(side):
            by_group.setdefault(_group(value[0]), set()).add(value)
    if way is Way.TIME_LIMIT:
        order = Way.PRINCIPAL_LIST, Way.TAG, Way.VALUE_LIST
        way = next((one for one in order if one in by_group), Way.VALUE_LIST)
    return frozenset(by_group.get(way) or places)


def _values(side: Side) -> Iterator[Value]:
    for condition in side.outside:
        yield from ((condition.key.lower(), value) for value in condition.values)
    yield from ((ACTION, name.lower()) for name in side.actions)
    yield from ((RESOURCE, name) for name in side.resources)


def _group(key: str) -> Way:
    if _TAG in key:
        return Way.TAG
    return Way.PRINCIPAL_LIST if key == _PRINCIPAL else Way.VALUE_LIST


def usual_names(own: Policy) -> frozenset[Value]:
    """What the catalogue's own text leaves out by NotAction and NotResource."""
    found: set[Value] = set()
    for statement in own.statements:
        if statement.actions.is_negated:
            found |= {(ACTION, name.lower()) for name in statement.actions.names}
        if statement.resources is not None and statement.resources.is_negated:
            found |= {(RESOURCE, name) for name in statement.resources.names}
    return frozenset(found)


def covering(key: str, wide: str, narrow: str) -> bool:
    """Whether one value stands for all that another does; actions in any case."""
    return covers(wide.lower(), narrow.lower()) if key == ACTION else covers(wide, narrow)


def is_within(key: str, value: str, asked: Value, wanted: Wanted) -> bool:
    """Whether a value of a list lets through what was asked for, or a part of it, and no more."""
    if asked[0] != key:
        return False
    if covering(key, asked[1], value):
        return True
    parts = value.split(":", 5)
    if not wanted.is_theirs or len(parts) < 6 or parts[4] != "*" or not wanted.members:
        return False
    # "Any account" is those of the scope, where the policy reaches no other.
    local = [":".join((*parts[:4], account, parts[5])) for account in wanted.members]
    return all(any(at == key and covers(one, each) for at, one in wanted.values) for each in local)
