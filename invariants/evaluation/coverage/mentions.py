"""Which accounts policies can tell from others: those whose ids they name, in full or by a pattern."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from invariants import engine
from invariants.evaluation.coverage.layers import LAYERS, parse
from invariants.evaluation.coverage.world import World

_ID: Final = re.compile(r"(?<!\d)\d{12}(?!\d)")
# A part of an ARN, or a whole value, made of digits and wildcards.
_PATTERN: Final = re.compile(r"[\d*?]*\d[\d*?]*")


@dataclass(frozen=True, slots=True)
class Mentions:
    ids: frozenset[str]
    patterns: frozenset[str]


def of(policies: Iterable[str], world: World) -> Mentions:
    """Every account, and every pattern of accounts, that these SCPs and RCPs name."""
    texts = [world.policies[policy_id] for policy_id in policies]
    found = [_of_policy(text.content, text.type) for text in texts if text.type in LAYERS.values()]
    return Mentions(
        frozenset(one for each in found for one in each.ids),
        frozenset(one for each in found for one in each.patterns),
    )


def names(mentions: Mentions, account_id: str) -> bool:
    return account_id in mentions.ids or any(
        fnmatchcase(account_id, pattern) for pattern in mentions.patterns
    )


@lru_cache(maxsize=4096)
def _of_policy(content: str | None, policy_type: str) -> Mentions:
    policy = parse(content, policy_type).policy
    if policy is None:
        return Mentions(frozenset(), frozenset())
    texts = [text for statement in policy.statements for text in _texts(statement)]
    ids = {one for text in texts for one in _ID.findall(text)}
    parts = {part for text in texts for part in text.split(":")}
    patterns = {part for part in parts if ("*" in part or "?" in part) and _PATTERN.fullmatch(part)}
    return Mentions(frozenset(ids), frozenset(patterns))


def _texts(statement: engine.Statement) -> list[str]:
    found = [value for condition in statement.conditions for value in condition.values]
    if statement.resources is not None:
        found += statement.resources.names
    if statement.principals is not None:
        found += [value for _, values in statement.principals.by_kind for value in values]
    return found
