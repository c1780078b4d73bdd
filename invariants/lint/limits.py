"""The limits of the day: data, with a date and a source, since AWS moves them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from invariants import engine

PATH: Final = Path(__file__).parent / "limits.yaml"


@dataclass(frozen=True, slots=True)
class Limit:
    """Characters of one policy, and policies of this type at one root, OU or account. None: nobody has
    looked it up."""

    characters: int | None
    slots: int | None


@dataclass(frozen=True, slots=True)
class Limits:
    """`as_of` is the day on which `source`, a page of AWS, said so."""

    as_of: date
    source: str
    by_type: Mapping[str, Limit]

    def of(self, policy_type: str) -> Limit:
        return self.by_type.get(policy_type, Limit(None, None))


@dataclass(frozen=True, slots=True)
class Budget:
    """What a policy or a target uses of a limit. `limit` None: not known, and so is what is left."""

    used: int
    limit: int | None

    @property
    def left(self) -> int | None:
        return None if self.limit is None else self.limit - self.used

    @property
    def is_over(self) -> bool:
        return self.limit is not None and self.used > self.limit


@cache
def current_limits() -> Limits:
    """The limits that come with the program."""
    data: dict[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    by_type = {name: Limit(**values) for name, values in data["types"].items()}
    return Limits(date.fromisoformat(data["as_of"]), data["source"], MappingProxyType(by_type))


def size_budget(policy: str | Mapping[str, Any], policy_type: str) -> Budget:
    """Characters of a policy without white space, against the limit of its type.

    :raises PolicySyntaxError: for a text that is no JSON object.
    """
    return Budget(engine.minified_size(policy), current_limits().of(policy_type).characters)


def slot_budget(attached: int, policy_type: str) -> Budget:
    """Policies attached to one target, AWS's own included, against the limit of their type."""
    return Budget(attached, current_limits().of(policy_type).slots)
