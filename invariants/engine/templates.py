"""Values with variables: ${key}, ${key, 'default'}, and the escapes ${*}, ${?}, ${$}.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final, TypeAlias

from invariants.engine.states import (
    ABSENT,
    UNKNOWN_STATE,
    Absent,
    KeyState,
    Present,
    States,
)
from invariants.engine.truth import FALSE, TRUE, UNKNOWN, Truth

_VARIABLE: Final = re.compile(r"\$\{([^{}]*)\}")
_DEFAULT: Final = re.compile(r"\s*([^,]*?)\s*,\s*'([^']*)'\s*")
_ESCAPED: Final = frozenset("*?$")


class Wild(Enum):
    """A wildcard of a pattern."""

    MANY = "*"
    ONE = "?"


# Text to be taken literally, and wildcards.
Pattern: TypeAlias = tuple[str | Wild, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """`default` is taken where the key has no value; None: there is none."""

    key: str
    default: str | None = None

    @property
    def is_key(self) -> bool:
        """Whether AWS could know it: keys have a prefix, placeholders such as ${Account} have not."""
        return ":" in self.key


@dataclass(frozen=True, slots=True)
class Escaped:
    letter: str


@dataclass(frozen=True, slots=True)
class Template:
    """The parts of a value, in order; a str is text as written, with its wildcards."""

    parts: tuple[str | Variable | Escaped, ...]

    @property
    def variables(self) -> tuple[Variable, ...]:
        return tuple(part for part in self.parts if isinstance(part, Variable))


@dataclass(frozen=True, slots=True)
class Filled:
    """What a template comes to in a context.

    TRUE: `pattern` is it. FALSE: a variable has no value, so that nothing matches. UNKNOWN: `pattern` is
    as near as one can say, with a wildcard for what is not known; what does not match it cannot match.
    """

    truth: Truth
    pattern: Pattern = ()


@lru_cache(maxsize=8192)
def template(text: str, *, has_variables: bool = True) -> Template:
    """Return the parts of a value; without variables, of which 2008-10-17 knows none, one part of text."""
    if not has_variables or "${" not in text:
        return Template((text,))
    parts: list[str | Variable | Escaped] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        parts += [text[end : found.start()], _part(found[1])]
        end = found.end()
    parts.append(text[end:])
    return Template(tuple(part for part in parts if part != ""))


def _part(content: str) -> Variable | Escaped:
    if content in _ESCAPED:
        return Escaped(content)
    if with_default := _DEFAULT.fullmatch(content):
        return Variable(with_default[1], with_default[2])
    return Variable(content.strip())


@lru_cache(maxsize=8192)
def wild(text: str) -> Pattern:
    """Return the pattern of a text in which * and ? are wildcards."""
    return tuple(
        Wild(piece) if piece in ("*", "?") else piece
        for piece in re.split(r"([*?])", text)
        if piece
    )


def fill(parts: Template, states: States, *, has_wildcards: bool) -> Filled:
    """Put the values of the context in; what a value holds of * and ? stands for itself.

    AWS does not say whether wildcards inside of a value count; an escape would be useless if they did.
    """
    pattern: list[str | Wild] = []
    truth = TRUE
    for part in parts.parts:
        if isinstance(part, Variable):
            known, value = _value(part, states)
            if known is FALSE:
                return Filled(FALSE)
            if known is UNKNOWN:
                truth = UNKNOWN
            pattern.append(Wild.MANY if known is UNKNOWN else value)
        elif isinstance(part, Escaped):
            pattern.append(part.letter)
        elif has_wildcards:
            pattern += wild(part)
        else:
            pattern.append(part)
    return Filled(truth, tuple(pattern))


def state_of(variable: Variable, states: States) -> KeyState:
    """Return what is known of a variable's key; a placeholder that is no key is absent."""
    if not variable.is_key:
        return ABSENT
    return states.get(variable.key.lower(), UNKNOWN_STATE)


def _value(variable: Variable, states: States) -> tuple[Truth, str]:
    """Return whether the variable has a value, and the value.

    Several values are not known: AWS allows no multivalued key here and does not say what follows.
    """
    state = state_of(variable, states)
    if isinstance(state, Present) and len(state.values) == 1:
        return TRUE, state.values[0]
    if isinstance(state, Absent) or (isinstance(state, Present) and not state.values):
        return (FALSE, "") if variable.default is None else (TRUE, variable.default)
    return UNKNOWN, ""
