"""JSON as policies are written in it: names once, numbers as written, nothing that is no JSON."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, NoReturn, TypeAlias

from invariants.engine.documents import PolicySyntaxError

# Beyond any policy that AWS takes (the largest, a delegation policy, has 40,000 characters), and still
# read at once.
MAX_CHARACTERS: Final = 200_000
ROOT: Final = "$"
_PLAIN: Final = re.compile(r"[A-Za-z@][\w@:/.-]{0,80}")
_KINDS: Final = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}

# What `json` makes of a text, or a caller hands over as if it had: checked piece by piece.
Json: TypeAlias = Any


class Number(str):
    """A number in the text's own spelling: AWS compares 1.10 as text where the operator is of strings."""

    __slots__ = ()


class Object(dict[str, Json]):
    """An object that remembers the names that it was given twice."""

    repeated: tuple[str, ...] = ()


def read(source: str | Mapping[str, Json]) -> Mapping[str, Json]:
    """Return the object that the text is; an object that was read before is returned as it is.

    :raises PolicySyntaxError: where it is no JSON, no object, or too long.
    """
    value = _from_text(source) if isinstance(source, str) else source
    if not isinstance(value, Mapping):
        raise PolicySyntaxError(ROOT, f"a policy is an object, this is {kind(value)}")
    return value


def members(value: Json, path: str) -> list[tuple[str, Json]]:
    """Return names and values of an object.

    :raises PolicySyntaxError: where it is none, or names something twice.
    """
    if not isinstance(value, Mapping):
        raise PolicySyntaxError(path, f"this must be an object, not {kind(value)}")
    if isinstance(value, Object) and value.repeated:
        raise PolicySyntaxError(within(path, value.repeated[0]), "this is named twice")
    found = list(value.items())
    for name, _ in found:
        if not isinstance(name, str):
            raise PolicySyntaxError(path, f"a name must be a string, not {kind(name)}")
        text(name, path)
    return found


def text(value: Json, path: str) -> str:
    """Return the string.

    :raises PolicySyntaxError: where it is none, or holds half of a surrogate pair.
    """
    if not isinstance(value, str) or isinstance(value, Number):
        raise PolicySyntaxError(path, f"this must be a string, not {kind(value)}")
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise PolicySyntaxError(path, "half of a surrogate pair is no text")
    return value


def scalar(value: Json, path: str) -> str:
    """Return a string, number, true or false as the text that AWS compares.

    :raises PolicySyntaxError: for anything else.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, int | float):
        return _number(value, path)
    return text(value, path)


def number(value: Json, path: str) -> int | float:
    """Return a number as Python has it, whole ones as int.

    :raises PolicySyntaxError: for anything else, and where it is longer than any number of a policy.
    """
    if not isinstance(value, Number):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise PolicySyntaxError(path, f"this must be a number, not {kind(value)}")
        value = _number(value, path)
    if len(value) > 40:
        raise PolicySyntaxError(path, "no number of a policy is that long")
    found = float(value)
    if abs(found) == float("inf"):
        raise PolicySyntaxError(path, "no number of a policy is that large")
    return int(found) if found.is_integer() and abs(found) < 2**53 else found


def items(value: Json, path: str) -> list[tuple[Json, str]]:
    """Return each value with its path, of a list or of a single value.

    :raises PolicySyntaxError: for an empty list.
    """
    if not isinstance(value, list | tuple):
        return [(value, path)]
    if not value:
        raise PolicySyntaxError(path, "the list is empty")
    return [(item, f"{path}[{number}]") for number, item in enumerate(value)]


def within(path: str, name: str) -> str:
    """Return the path of a member."""
    if _PLAIN.fullmatch(name):
        return f"{path}.{name}"
    return f"{path}[{json.dumps(name[:80])}]"


def kind(value: Json) -> str:
    """Return what a value is, in words of JSON, without its content: it may be of any size."""
    if isinstance(value, Number):
        return "a number"
    if isinstance(value, Mapping):
        return "an object"
    return _KINDS.get(type(value), "nothing that JSON knows")


def _from_text(source: str) -> Json:
    if len(source) > MAX_CHARACTERS:
        raise PolicySyntaxError(ROOT, f"{len(source)} characters; no policy has {MAX_CHARACTERS}")
    try:
        return json.loads(
            source,
            object_pairs_hook=_object,
            parse_int=Number,
            parse_float=Number,
            parse_constant=_no_constant,
        )
    except json.JSONDecodeError as e:
        raise PolicySyntaxError(
            ROOT, f"no JSON at line {e.lineno}, column {e.colno}: {e.msg}"
        ) from e
    except RecursionError as e:
        raise PolicySyntaxError(ROOT, "nested deeper than any policy") from e


def _object(pairs: list[tuple[str, Json]]) -> Object:
    found = Object(pairs)
    if len(found) < len(pairs):
        times = Counter(name for name, _ in pairs)
        found.repeated = tuple(name for name, count in times.items() if count > 1)
    return found


def _no_constant(name: str) -> NoReturn:
    raise PolicySyntaxError(ROOT, f"{name} is no JSON")


def _number(value: int | float, path: str) -> str:
    """As JSON writes it."""
    if isinstance(value, float):
        if value != value or abs(value) == float("inf"):
            raise PolicySyntaxError(path, "this is no number of JSON")
        return repr(value)
    if value.bit_length() > 64:
        raise PolicySyntaxError(path, "no number of a policy is that long")
    return str(value)
