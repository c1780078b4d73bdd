"""Which statements of policies in AWS are meant for which invariant, by what they say.

Coverage itself is decided by requests alone. Only where an invariant does not hold does it matter whether
nothing is there for it (MISSING) or something that does not work (BROKEN), and whose fault it is where a
request that must stay possible is denied. docs/adr/0019 has the definition.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from invariants import catalog, engine
from invariants.engine.stacks import compile_policy
from invariants.evaluation.coverage.asking import Ref
from invariants.evaluation.coverage.layers import LAYERS, parse
from invariants.evaluation.coverage.world import World

# Keys that say who is exempt, or until when, rather than what the rule is.
_EXEMPTING: Final = frozenset(
    {
        "aws:principalarn",
        "aws:principalisawsservice",
        "aws:principalservicename",
        "aws:viaawsservice",
        "aws:currenttime",
        "aws:epochtime",
    }
)
_TAGS: Final = ("aws:principaltag/", "aws:resourcetag/", "aws:requesttag/")


@dataclass(frozen=True, slots=True)
class Shape:
    """A Deny, as far as it tells what it is for. `is_broad`: it names no actions, or all of them."""

    is_broad: bool
    actions: frozenset[str]
    keys: frozenset[str]
    rule_keys: frozenset[str]
    statement: engine.Statement

    def is_as(self, other: "Shape") -> bool:
        """Whether it is about the same actions under the same rule, whoever is exempt."""
        if self.is_broad:
            return other.is_broad and self.rule_keys == other.rule_keys
        return self.actions == other.actions and self.rule_keys == other.rule_keys


class Kinship:
    """Which Denies of a world are kin to which invariants; each pair is compared once."""

    def __init__(self, world: World, records: Iterable[catalog.Invariant]) -> None:
        self._world = world
        own: dict[str, dict[str, tuple[Shape, ...]]] = defaultdict(dict)
        for record in records:
            if record.type in LAYERS.values():
                own[record.type][record.id] = own_shapes(record)
        self._kin: dict[Ref, frozenset[str]] = {}
        self._refs: dict[str, list[Ref]] = defaultdict(list)
        for ref, theirs in _denies(world):
            found = _closest(theirs, own[LAYERS[ref.layer]])
            self._kin[ref] = found
            for invariant_id in found:
                self._refs[invariant_id].append(ref)

    def of(self, ref: Ref) -> frozenset[str]:
        """The ids of the invariants that a statement is kin to."""
        return self._kin.get(ref, frozenset())

    def is_nobodys(self, ref: Ref) -> bool:
        """Whether a statement of the organisation's own is kin to no invariant."""
        return not self.of(ref) and not self._world.policies[ref.policy_id].is_kept_by_aws

    def meant_for(self, invariant_id: str) -> Sequence[Ref]:
        """The statements, wherever they are attached, that are kin to an invariant."""
        return self._refs.get(invariant_id, ())


def _closest(theirs: "Shape", own: Mapping[str, tuple["Shape", ...]]) -> frozenset[str]:
    """The invariants that a Deny is meant for. Where it has just the actions and the rule of some, it is
    theirs alone: others that it merely resembles have nothing to do with it."""
    alike = {
        invariant_id
        for invariant_id, shapes in own.items()
        if any(theirs.is_as(one) for one in shapes)
    }
    return frozenset(
        alike
        or {
            invariant_id
            for invariant_id, shapes in own.items()
            if any(are_kin(theirs, one) for one in shapes)
        }
    )


def _denies(world: World) -> Iterator[tuple[Ref, "Shape"]]:
    for layer, policy_type in LAYERS.items():
        for text in world.policies.values():
            # What AWS keeps for all its customers is meant for no invariant of this organisation.
            if text.type != policy_type or text.is_kept_by_aws:
                continue
            policy = parse(text.content, policy_type).policy
            for number, statement in enumerate(policy.statements if policy else ()):
                if statement.effect is engine.Effect.DENY:
                    yield Ref(layer, text.id, number), shape(statement)


def own_shapes(record: catalog.Invariant) -> tuple["Shape", ...]:
    """The Denies of the catalogue's own text."""
    policy = parse(json.dumps(record.policy), record.type).policy
    return tuple(
        shape(statement)
        for statement in (policy.statements if policy else ())
        if statement.effect is engine.Effect.DENY
    )


@lru_cache(maxsize=16_384)
def shape(statement: engine.Statement) -> Shape:
    names = frozenset(name.lower() for name in statement.actions.names)
    is_broad = statement.actions.is_negated or "*" in names
    keys = frozenset(condition.key.lower() for condition in statement.conditions)
    rule_keys = frozenset(
        condition.key.lower() for condition in statement.conditions if not _exempts(condition)
    )
    return Shape(is_broad, frozenset() if is_broad else names, keys, rule_keys, statement)


@lru_cache(maxsize=65_536)
def are_kin(theirs: Shape, own: Shape) -> bool:
    """Whether a Deny in AWS is meant for what a Deny of the catalogue is for.

    Both name no actions and read the same keys for their rule; or half of the actions of either are
    among the other's, and the rule reads every key that the catalogue's does. Where that one reads none,
    theirs may narrow it by global keys alone: those of a service make another rule.
    """
    if theirs.is_broad or own.is_broad:
        return theirs.is_broad and own.is_broad and theirs.rule_keys == own.rule_keys
    if not _overlap(theirs, own):
        return False
    if own.rule_keys:
        return own.rule_keys <= theirs.keys
    return all(key.startswith("aws:") for key in theirs.rule_keys)


def _overlap(theirs: Shape, own: Shape) -> bool:
    has = _has_action(theirs.statement)
    of_own = sum(has(action) for action in own.actions)
    had = _has_action(own.statement)
    of_theirs = sum(had(action) for action in theirs.actions)
    return 2 * of_own >= len(own.actions) or 2 * of_theirs >= len(theirs.actions)


@lru_cache(maxsize=16_384)
def _has_action(statement: engine.Statement) -> Callable[[str], bool]:
    alone = engine.Policy((statement,), engine.VERSION)
    return compile_policy(alone)[0].has_action


def _exempts(condition: engine.Condition) -> bool:
    key = condition.key.lower()
    is_who = key in _EXEMPTING or key.startswith(_TAGS) or "resourcetag/" in key
    base = condition.operator.base
    says_no = base.is_negated or base in (engine.Base.NULL, engine.Base.BOOL)
    return is_who and (says_no or base.value.startswith("Date"))
