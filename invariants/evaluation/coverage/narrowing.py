"""The part of a stack that can have a say in one invariant.

Most policies above an account speak of other things. Without those the stacks of many OUs are the same,
and an invariant is decided for all of them at once.
"""

from collections.abc import Iterable, Mapping

from invariants import catalog, engine
from invariants.engine.stacks import compile_policy
from invariants.evaluation.coverage.kinship import Kinship
from invariants.evaluation.coverage.layers import LAYERS, Core, Way, parse
from invariants.evaluation.coverage.world import World


class Narrowing:
    """Stacks without the policies that no probe of an invariant can meet; each narrowed once."""

    def __init__(
        self, world: World, records: Mapping[str, catalog.Invariant], kinship: Kinship
    ) -> None:
        self._world = world
        asked = {key: _actions(record) for key, record in records.items()}
        everything = frozenset(action for actions in asked.values() for action in actions)
        self._touching = {
            text.id: _touched(text.content, text.type, everything)
            for text in world.policies.values()
            if text.type in LAYERS.values()
        }
        self._asked = asked
        self._kin = {key: {ref.policy_id for ref in kinship.meant_for(key)} for key in records}
        # Exemptions behind NotAction are tried with other actions than those of the probes.
        self._whole = {
            key
            for key in records
            if any(_names_not(world, ref.layer, ref.policy_id) for ref in kinship.meant_for(key))
        }
        self._found: dict[tuple[str, Core], tuple[Core, tuple[int, ...]]] = {}

    def way(self, key: str, way: Way) -> Way:
        """The way as far as it matters for an invariant."""
        if key in self._whole:
            return way
        found = self._found.get((key, way.core))
        if found is None:
            found = self._found[key, way.core] = self._narrowed(key, way.core)
        core, kept = found
        return Way(core, tuple(way.levels[number] for number in kept))

    def _narrowed(self, key: str, core: Core) -> tuple[Core, tuple[int, ...]]:
        found = []
        for number, policies in enumerate(core):
            if not any(self._allows_all(policy_id) for policy_id in policies):
                # Of a level that does not allow everything each policy may be the one that allows.
                found.append((policies, number))
                continue
            kept = tuple(one for one in policies if self._matters(key, one))
            if kept:
                allowing = next(one for one in policies if self._allows_all(one))
                found.append(((allowing, *kept), number))
        return tuple(policies for policies, _ in found), tuple(number for _, number in found)

    def _matters(self, key: str, policy_id: str) -> bool:
        touched = self._touching[policy_id]
        return (
            touched is None
            or policy_id in self._kin[key]
            or not touched.isdisjoint(self._asked[key])
        )

    def _allows_all(self, policy_id: str) -> bool:
        text = self._world.policies[policy_id]
        return parse(text.content, text.type).allows_all


def _actions(record: catalog.Invariant) -> frozenset[str]:
    return frozenset(probe.action.lower() for probe in record.probes)


def _touched(
    content: str | None, policy_type: str, actions: Iterable[str]
) -> frozenset[str] | None:
    """The actions that a Deny of the policy matches; None: nobody can read it."""
    policy = parse(content, policy_type).policy
    if policy is None:
        return None
    denies = [one for one in compile_policy(policy) if one.statement.effect is engine.Effect.DENY]
    return frozenset(action for action in actions if any(one.has_action(action) for one in denies))


def _names_not(world: World, layer: engine.Layer, policy_id: str) -> bool:
    policy = parse(world.policies[policy_id].content, LAYERS[layer]).policy
    return policy is not None and any(one.actions.is_negated for one in policy.statements)
