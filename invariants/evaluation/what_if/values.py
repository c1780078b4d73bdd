"""What accounts inherit from policies that set values, before and after."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from invariants import engine
from invariants.evaluation.coverage.world import World
from invariants.policies import targets


@dataclass(frozen=True, slots=True)
class ValueChange:
    """One setting of the effective policy. `before` and `after` are JSON, "" where nothing is set."""

    path: str
    before: str
    after: str
    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Values:
    """`unknown` are accounts on whose way a policy of the type could not be read."""

    changes: tuple[ValueChange, ...]
    unchanged: int
    unknown: tuple[str, ...]


def compare_values(before: World, after: World, *, kind: str, accounts: tuple[str, ...]) -> Values:
    """The settings of a type of management policies in these accounts, one by one."""
    changed: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    same: set[str] = set()
    unknown: list[str] = []
    kept: dict[tuple[Any, ...], Mapping[str, str] | None] = {}
    for account_id in accounts:
        was = _settings(before, account_id, kind, kept)
        becomes = _settings(after, account_id, kind, kept)
        if was is None or becomes is None:
            unknown.append(account_id)
            continue
        for path in sorted({*was, *becomes}):
            one, other = was.get(path, ""), becomes.get(path, "")
            if one == other:
                same.add(path)
            else:
                changed[path, one, other].append(account_id)
    changes = tuple(ValueChange(*words, tuple(found)) for words, found in sorted(changed.items()))
    return Values(changes, len(same - {one.path for one in changes}), tuple(unknown))


def _settings(
    world: World,
    account_id: str,
    kind: str,
    kept: dict[tuple[Any, ...], Mapping[str, str] | None],
) -> Mapping[str, str] | None:
    """What is in force for an account by path; None where somebody would have to read more."""
    levels = _levels(world, account_id, kind)
    # The texts stand for the stack: the same policy may have another text in the other world.
    if levels not in kept:
        kept[levels] = _effective(levels)
    return kept[levels]


def _levels(world: World, account_id: str, kind: str) -> tuple[tuple[str | None, ...], ...]:
    if kind not in world.enabled_types:
        return ()
    by_target: dict[str, list[str | None]] = defaultdict(list)
    for one in world.attachments:
        policy = world.policies.get(one.policy_id)
        if policy is not None and policy.type == kind:
            by_target[one.target_id].append(policy.content)
    line = targets.line(account_id, world.nodes)
    return tuple(tuple(by_target[node]) for node in line if node in by_target)


def _effective(levels: tuple[tuple[str | None, ...], ...]) -> Mapping[str, str] | None:
    texts = [[text for text in level if text is not None] for level in levels]
    if any(len(known) < len(level) for known, level in zip(texts, levels, strict=True)):
        return None
    try:
        found = engine.effective_policy(texts)
    except engine.PolicySyntaxError:
        return None
    return dict(_leaves(found, ""))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield from _leaves(below, f"{path}.{name}" if path else str(name))
    else:
        yield path, json.dumps(value, ensure_ascii=False, sort_keys=True)
