"""What pydantic found, in words that say what to do about it."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from pydantic_core import ErrorDetails

from invariants.catalog import records
from invariants.catalog.yaml_tree import Loc

Words: TypeAlias = tuple[str, str]

_STATES: Final = "Give a value, a list of values, {state: ABSENT} (or PRESENT_UNKNOWN, UNKNOWN), or {one_of: [...]}."

_RECORDS: Final[Mapping[str, type]] = MappingProxyType(
    {
        "statement": records.Statement,
        "targets": records.Targets,
        "exceptions": records.Exemption,
        "detects": records.Detects,
        "must_deny": records.Probe,
        "must_allow": records.Probe,
        "must_set": records.Setting,
        "loop": records.Loop,
        "control": records.Step,
        "monitor": records.Step,
        "fix": records.Step,
    }
)
_KINDS: Final = MappingProxyType(
    {
        "bool_parsing": "true or false",
        "bool_type": "true or false",
        "dataclass_type": "a group of fields",
        "int_parsing": "a whole number",
        "int_type": "a whole number",
        "mapping_type": "a group of fields",
        "string_type": "text; quote what looks like a number",
        "tuple_type": "a list: [a, b]",
    }
)
_SHAPES: Final = MappingProxyType(
    {
        "id": "Lower-case words with hyphens: s3-bpa.",
        "type": "AWS's name in upper case: SERVICE_CONTROL_POLICY, S3_POLICY, …",
        "security_hub": "An id of Security Hub: S3.1.",
        "action": "One action, service and name with a colon, without wildcards: s3:PutObject.",
        "pages": "An address of AWS's documentation: https://docs.aws.amazon.com/….",
        "accounts": "Twelve digits, in quotes.",
    }
)


def words(error: ErrorDetails) -> Words:
    """Message and remedy for one error of a record."""
    loc: Loc = tuple(error["loc"])
    if "context" in loc:
        return _context(loc)
    say = _BY_TYPE.get(error["type"])
    return say(error, loc) if say else _other(error, loc)


def subject(error: ErrorDetails) -> Loc:
    """The path that the message is about: all branches of a union come to one."""
    loc: Loc = tuple(error["loc"])
    if "context" in loc:
        return loc[: loc.index("context") + 2]
    return loc


def _context(loc: Loc) -> Words:
    key = loc[loc.index("context") + 1] if loc[-1] != "context" else "context"
    return (
        f'The state of "{key}" cannot be read',
        _STATES,
    )


def _missing(error: ErrorDetails, loc: Loc) -> Words:
    what = _docs_of(loc).get(str(loc[-1]), "")
    return f'"{loc[-1]}" is missing', f"Add it. {what}".strip()


def _extra(error: ErrorDetails, loc: Loc) -> Words:
    known = _docs_of(loc)
    near = get_close_matches(str(loc[-1]), known, n=1)
    remedy = f'Did you mean "{near[0]}"?' if near else f"Known here: {', '.join(known)}."
    return f'No field is called "{loc[-1]}"', remedy


def _choice(error: ErrorDetails, loc: Loc) -> Words:
    expected = str(error.get("ctx", {}).get("expected", ""))
    return f"{_shown(error)} is no {_field(loc)}", f"Choose one of {expected}."


def _pattern(error: ErrorDetails, loc: Loc) -> Words:
    return f"{_shown(error)} is no {_field(loc)}", _SHAPES.get(
        _field(loc), "See docs/catalogue.md."
    )


def _empty(error: ErrorDetails, loc: Loc) -> Words:
    return f'"{_field(loc)}" is empty', "Write at least one word or one item."


def _kind(error: ErrorDetails, loc: Loc) -> Words:
    wanted = _KINDS.get(error["type"]) or error["msg"].removeprefix("Input should be ")
    return f'"{_field(loc)}" is of another kind', f"It has to be {wanted}."


def _other(error: ErrorDetails, loc: Loc) -> Words:
    return f'"{_field(loc)}": {error["msg"]}', "See docs/catalogue.md."


_BY_TYPE: Final[Mapping[str, Callable[[ErrorDetails, Loc], Words]]] = MappingProxyType(
    {
        "missing": _missing,
        "unexpected_keyword_argument": _extra,
        "enum": _choice,
        "literal_error": _choice,
        "string_pattern_mismatch": _pattern,
        "string_too_short": _empty,
        "too_short": _empty,
        "string_type": _kind,
        "int_type": _kind,
        "int_parsing": _kind,
        "bool_type": _kind,
        "bool_parsing": _kind,
        "tuple_type": _kind,
        "mapping_type": _kind,
        "dataclass_type": _kind,
        "greater_than_equal": _kind,
    }
)


def _docs_of(loc: Loc) -> Mapping[str, str]:
    """Fields of the record around `loc`, in order, with what they mean."""
    names = [part for part in loc[:-1] if isinstance(part, str)]
    record = _RECORDS[names[-1]] if names and names[-1] in _RECORDS else records.Invariant
    assert is_dataclass(record)
    described: Mapping[str, Any] = getattr(record, "__pydantic_fields__", {})
    return {
        f.name: (getattr(described.get(f.name), "description", None) or "").split("\n")[0]
        for f in fields(record)
    }


def _field(loc: Loc) -> str:
    names = [str(part) for part in loc if isinstance(part, str)]
    return names[-1] if names else "file"


def _shown(error: ErrorDetails) -> str:
    text = str(error.get("input", ""))
    return f'"{text[:40]}…"' if len(text) > 40 else f'"{text}"'
