"""The policies between the root and an account, compiled once and asked often."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from invariants.engine.documents import Effect, Policy
from invariants.engine.exemptions import Layer
from invariants.engine.matching import CompiledStatement, compile_statement

# How many actions a stack remembers; AWS has some twenty thousand.
MAX_ACTIONS: Final = 32_768


@dataclass(frozen=True, slots=True)
class Attached:
    """A policy under the name by which verdicts call it; `policy` None: nobody could read it."""

    name: str
    policy: Policy | None


@dataclass(frozen=True, slots=True)
class Level:
    """What is attached to the root, an OU or the account, whose name is `target`."""

    target: str
    policies: tuple[Attached, ...]

    @property
    def has_unreadable(self) -> bool:
        return any(attached.policy is None for attached in self.policies)


@dataclass(frozen=True, slots=True)
class Placed:
    """A statement and where it stands: `number` counts from 0 within the policy."""

    level: str
    policy: str
    number: int
    compiled: CompiledStatement


@dataclass(frozen=True, slots=True)
class Relevant:
    """The statements whose action matches.

    `allows` by level, of the levels at which none allows without a condition. `keys` in lower case.
    """

    denies: tuple[Placed, ...]
    allows: tuple[tuple[Level, tuple[Placed, ...]], ...]
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class Stack:
    """Levels from the root down. None at all: the layer is not in use.

    `unreadable`: level and name of the first policy that nobody could read.
    """

    layer: Layer
    levels: tuple[Level, ...]
    placed: tuple[tuple[Placed, ...], ...]
    unreadable: tuple[str, str] | None = None
    _by_action: dict[str, Relevant] = field(default_factory=dict, repr=False, compare=False)

    def relevant(self, action: str) -> Relevant:
        """Return the statements that speak of an action."""
        found = self._by_action.get(action)
        if found is None:
            if len(self._by_action) >= MAX_ACTIONS:
                self._by_action.clear()
            found = self._by_action[action] = self._relevant(action.lower())
        return found

    def _relevant(self, action: str) -> Relevant:
        named = [
            [placed for placed in level if placed.compiled.has_action(action)]
            for level in self.placed
        ]
        allows = [[placed for placed in level if _has(placed, Effect.ALLOW)] for level in named]
        return Relevant(
            denies=tuple(
                placed for level in named for placed in level if _has(placed, Effect.DENY)
            ),
            allows=tuple(
                (level, tuple(placed))
                for level, placed in zip(self.levels, allows, strict=True)
                if not any(one.compiled.is_unconditional for one in placed)
            ),
            keys=frozenset(
                key for level in named for placed in level for key in placed.compiled.keys
            ),
        )


def compile_stack(layer: Layer, levels: Sequence[Level]) -> Stack:
    """Return the stack, ready; a policy that stands in many stacks is compiled once."""
    placed = tuple(tuple(_placed(level)) for level in levels)
    unreadable = (
        (level.target, attached.name)
        for level in levels
        for attached in level.policies
        if attached.policy is None
    )
    return Stack(layer, tuple(levels), placed, next(unreadable, None))


@lru_cache(maxsize=16_384)
def compile_policy(policy: Policy) -> tuple[CompiledStatement, ...]:
    return tuple(
        compile_statement(statement, has_variables=policy.has_variables)
        for statement in policy.statements
    )


def _placed(level: Level) -> Iterator[Placed]:
    for attached in level.policies:
        if attached.policy is None:
            continue
        for number, compiled in enumerate(compile_policy(attached.policy)):
            yield Placed(level.target, attached.name, number, compiled)


def _has(placed: Placed, effect: Effect) -> bool:
    return placed.compiled.statement.effect is effect
