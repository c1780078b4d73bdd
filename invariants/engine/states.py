"""What is known of a condition key in the context of a request.

"Not recorded" is not "absent": a negated operator is true of an absent key and fires a Deny, so the two
must never be confused. A key that nobody said anything of is Unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias


@dataclass(frozen=True, slots=True)
class Present:
    """The key is in the request with these values; no value is the same as an absent key."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Absent:
    """The key is certainly not in the request."""


@dataclass(frozen=True, slots=True)
class PresentUnknown:
    """The key is in the request with at least one value, and nobody knows which."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Neither value nor presence is known."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of these states holds, for all conditions of the request alike.

    :raises ValueError: for fewer than two states.
    """

    states: "tuple[KeyState, ...]"

    def __post_init__(self) -> None:
        if len(self.states) < 2:
            raise ValueError("OneOf needs at least two states")


KeyState: TypeAlias = Present | Absent | PresentUnknown | Unknown | OneOf
# Keys in lower case: the names of condition keys are not case-sensitive.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html
States: TypeAlias = Mapping[str, KeyState]

ABSENT: Final = Absent()
PRESENT_UNKNOWN: Final = PresentUnknown()
UNKNOWN_STATE: Final = Unknown()


def present(*values: str | bool | int) -> Present:
    """Return the state of a key with these values, as AWS writes them: true, not True."""
    return Present(tuple(_text(value) for value in values))


def is_open(state: KeyState) -> bool:
    """Whether more could be known of the key."""
    return isinstance(state, Unknown | PresentUnknown | OneOf)


def worlds(state: KeyState) -> tuple[KeyState, ...]:
    """Return the states that are possible by `state`, without any OneOf among them."""
    if isinstance(state, OneOf):
        return tuple(dict.fromkeys(world for one in state.states for world in worlds(one)))
    return (state,)


def _text(value: str | bool | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
