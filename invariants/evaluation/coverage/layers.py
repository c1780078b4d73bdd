"""What is attached between the root and an account, in the form in which many accounts share it.

Levels that cannot change an answer, such as one that holds FullAWSAccess alone, are left out: accounts in
a hundred OUs then ask a handful of stacks.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from invariants import engine
from invariants.catalog import RCP, SCP
from invariants.evaluation.coverage.world import PolicyText, World

# The level of policies that are attached to the account itself, whichever account that is.
OWN: Final = "ACCOUNT"
LAYERS: Final = {engine.Layer.SCP: SCP, engine.Layer.RCP: RCP}
_GRAMMARS: Final = {SCP: engine.Grammar.SCP, RCP: engine.Grammar.RCP}


# The policies of each level that matters, by id, from the root down.
Core = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Way:
    """The policies of one type from the root to an account.

    `core` has the policies of each level that matters, by id; `levels` the ids of these levels, or OWN.
    """

    core: Core = ()
    levels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Parsed:
    """A policy as the engine has it, or why nobody can read it."""

    policy: engine.Policy | None
    why: str = ""

    @property
    def allows_all(self) -> bool:
        """Whether it denies nothing and allows everything, as AWS's own FullAWSAccess does."""
        if self.policy is None:
            return False
        effects = {statement.effect for statement in self.policy.statements}
        return effects == {engine.Effect.ALLOW} and any(map(is_everything, self.policy.statements))


@dataclass(frozen=True, slots=True)
class Settings:
    """A management policy as the engine has it, or why nobody can read it."""

    settings: engine.Setting | None
    why: str = ""


@lru_cache(maxsize=4096)
def parse(content: str | None, policy_type: str) -> Parsed:
    """An SCP or an RCP, parsed once a process."""
    if not content:
        return Parsed(None, "AWS did not let it be read")
    try:
        return Parsed(engine.parse(content, grammar=_GRAMMARS[policy_type]))
    except engine.PolicySyntaxError as error:
        return Parsed(None, f"its text is no policy: {error}")


@lru_cache(maxsize=4096)
def parse_settings(content: str | None) -> Settings:
    """A management policy, parsed once a process."""
    if not content:
        return Settings(None, "AWS did not let it be read")
    try:
        return Settings(engine.parse_management(content))
    except engine.PolicySyntaxError as error:
        return Settings(None, f"its text is no policy: {error}")


class Layers:
    """Everything attached in a world, by type and target."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._attached: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for one in world.attachments:
            policy = world.policies.get(one.policy_id)
            if policy is not None:
                self._attached[policy.type][one.target_id].append(policy.id)
        self._above: dict[tuple[str, str], tuple[tuple[str, tuple[str, ...]], ...]] = {}
        self._cores: dict[object, object] = {}

    def own(self, account_id: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """What is attached to the account itself, by type."""
        return tuple(
            (policy_type, tuple(targets[account_id]))
            for policy_type, targets in sorted(self._attached.items())
            if account_id in targets
        )

    def way(self, account_id: str, policy_type: str) -> Way:
        """What reaches the account; nothing where the type is switched off on the root."""
        if policy_type not in self.world.enabled_types:
            return Way()
        own = tuple(self._attached[policy_type].get(account_id, ()))
        levels = [*self._levels_above(account_id, policy_type), (OWN, own)]
        kept = [
            (level, policies)
            for level, policies in levels
            if not self._is_neutral(policies, policy_type)
        ]
        # The order of policies within a level counts only where values are set.
        is_ordered = policy_type not in _GRAMMARS
        core = tuple(p if is_ordered else tuple(sorted(p)) for _, p in kept)
        return Way(self._shared(core), tuple(level for level, _ in kept))

    def type_of(self, policy_id: str) -> PolicyText:
        return self.world.policies[policy_id]

    def _levels_above(
        self, account_id: str, policy_type: str
    ) -> tuple[tuple[str, tuple[str, ...]], ...]:
        parent = self.world.nodes[account_id].parent_id or ""
        found = self._above.get((parent, policy_type))
        if found is None:
            targets = self._attached[policy_type]
            found = tuple(
                (level, tuple(targets.get(level, ()))) for level in self.world.way(account_id)
            )
            self._above[parent, policy_type] = found
        return found

    def _is_neutral(self, policies: tuple[str, ...], policy_type: str) -> bool:
        if policy_type not in _GRAMMARS:
            return not policies
        # RCPFullAWSAccess cannot be detached; where nothing else is attached it is all there is.
        if not policies:
            return policy_type == RCP
        texts = (self.world.policies[policy_id].content for policy_id in policies)
        return all(parse(text, policy_type).allows_all for text in texts)

    def _shared(self, core: Core) -> Core:
        return self._cores.setdefault(core, core)  # type: ignore[return-value]


def stack(layer: engine.Layer, core: Core, world: World) -> engine.Stack:
    """The core compiled; levels are called by their number from 0, policies by their ids."""
    levels = [
        engine.Level(str(number), tuple(_attached(policies, layer, world)))
        for number, policies in enumerate(core)
    ]
    return engine.compile_stack(layer, levels)


def _attached(
    policies: tuple[str, ...], layer: engine.Layer, world: World
) -> Iterator[engine.Attached]:
    for policy_id in policies:
        text = world.policies[policy_id].content
        yield engine.Attached(policy_id, parse(text, LAYERS[layer]).policy)


def is_everything(statement: engine.Statement) -> bool:
    """Whether a statement allows everybody everything."""
    return (
        statement.effect is engine.Effect.ALLOW
        and not statement.conditions
        and not statement.actions.is_negated
        and "*" in statement.actions.names
        and (
            statement.resources is None
            or (not statement.resources.is_negated and "*" in statement.resources.names)
        )
        and (statement.principals is None or statement.principals.is_everyone)
    )
