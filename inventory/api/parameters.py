"""Parameters of query strings: said once, for reading them and for describing them.

A page leaves out what it does not understand and says so. A program would not read that: here a
parameter that is unknown, empty, given twice or wrong is refused, with what would be right.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any, Final

from django import forms
from django.http import QueryDict
from rest_framework.exceptions import NotFound

from inventory.api.problems import BadParameters, Wrong


class Kind(Enum):
    TEXT = "string"
    NUMBER = "integer"
    FLAG = "boolean"
    DAY = "date"


MAX_LIMIT: Final = 200
LIMIT: Final = 50
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NUMBER: Final = re.compile(r"-?\d{1,18}", re.ASCII)
_FLAGS: Final = {"true": True, "false": False}
_NAMED: Final = 8


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. `choices` () is anything; `most` is of characters, of a number the highest.

    `is_list`: may be given several times, `times` at most; any of the values counts.
    """

    name: str
    description: str
    kind: Kind = Kind.TEXT
    choices: tuple[str, ...] = ()
    pattern: str = ""
    least: int = 1
    most: int = 200
    is_list: bool = False
    times: int = 40
    default: Any = None
    example: Any = None

    def wrong(self, texts: Sequence[str]) -> str:
        """What is wrong with these values, and what would be right; "" where nothing is."""
        most = self.times if self.is_list else 1
        if len(texts) > most:
            return f"Give it {'once' if most == 1 else f'{most} times at most'}."
        return next((found for found in map(self._wrong, texts) if found), "")

    def _wrong(self, text: str) -> str:
        if not text:
            return "It is empty: give it a value, or leave the parameter out."
        if "\0" in text:
            return "It holds a character that no text here can have (NUL): take it out."
        if self.choices:
            return "" if text in self.choices else f"{_quoted(text)} is none of {self._offer()}."
        if self.kind is Kind.DAY:
            return "" if _is_day(text) else f"{_quoted(text)} is no day: write it as 2026-11-06."
        if self.kind is Kind.FLAG:
            return "" if text in _FLAGS else f"{_quoted(text)} is neither true nor false."
        if self.kind is Kind.NUMBER:
            return self._wrong_number(text)
        if len(text) > self.most:
            return f"It is longer than {self.most} characters: shorten it."
        if self.pattern and not re.fullmatch(self.pattern, text, re.ASCII):
            return f"{_quoted(text)} does not have the form {self.pattern}, such as {self.example}."
        return ""

    def _wrong_number(self, text: str) -> str:
        if _NUMBER.fullmatch(text) and self.least <= int(text) <= self.most:
            return ""
        return f"{_quoted(text)} is no whole number from {self.least} to {self.most}."

    def _offer(self) -> str:
        return ", ".join(self.choices)

    def read(self, text: str) -> Any:
        """The value of a text in which nothing is wrong."""
        if self.kind is Kind.DAY:
            return date.fromisoformat(text)
        if self.kind is Kind.FLAG:
            return _FLAGS[text]
        return int(text) if self.kind is Kind.NUMBER else text

    @property
    def schema(self) -> dict[str, Any]:
        """As JSON Schema has it."""
        one = self._schema()
        if not self.is_list:
            return one if self.default is None else {**one, "default": self.default}
        return {"type": "array", "items": one, "minItems": 1, "maxItems": self.times}

    def _schema(self) -> dict[str, Any]:
        if self.choices:
            return {"type": "string", "enum": list(self.choices)}
        if self.kind is Kind.DAY:
            return {"type": "string", "format": "date"}
        if self.kind is Kind.FLAG:
            return {"type": "boolean"}
        if self.kind is Kind.NUMBER:
            return {"type": "integer", "minimum": self.least, "maximum": self.most}
        schema: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": self.most}
        return {**schema, "pattern": f"^{self.pattern}$"} if self.pattern else schema


CURSOR: Final = Parameter(
    "cursor",
    "Where the page begins: `next` or `previous` of another page of the same list with the same "
    "filters. Without it the list begins at its beginning.",
    most=600,
)
PAGED: Final = (
    CURSOR,
    Parameter(
        "limit",
        "How many results a page has at most.",
        Kind.NUMBER,
        most=MAX_LIMIT,
        default=LIMIT,
        example=LIMIT,
    ),
)
AS_OF: Final = Parameter(
    "as_of",
    "The day at whose end things are told as they were; today, which is not over, by default. A day "
    "without figures of its own is told by the newest before it.",
    Kind.DAY,
    example="2026-11-06",
)
OU_PATTERN: Final = r"(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32})"
OU: Final = Parameter(
    "ou",
    "The id of the root or of an OU of which you see every account.",
    pattern=OU_PATTERN,
    most=68,
    example="ou-ab12-11111111",
)
# Sent before a "." and signed behind it, so that no cursor reaches another list.
_OTHER_LIST: Final = frozenset({"cursor", "limit", "fields"})


def read(query: QueryDict, parameters: Iterable[Parameter]) -> dict[str, Any]:
    """The values by name: of a list a tuple, () where it was not given; else None, or the default.

    :raises BadParameters: for everything that is wrong, at once.
    """
    known = {one.name: one for one in parameters}
    errors = [
        Wrong(
            name, f"There is no such parameter here. Known: {', '.join(sorted(known)) or 'none'}."
        )
        for name in query
        if name not in known
    ]
    errors += [
        Wrong(name, text)
        for name, one in known.items()
        if name in query and (text := one.wrong(query.getlist(name)))
    ]
    if errors:
        raise BadParameters(errors[:_NAMED])
    return {name: _value(one, query) for name, one in known.items()}


def _value(one: Parameter, query: QueryDict) -> Any:
    if one.is_list:
        return tuple(dict.fromkeys(one.read(text) for text in query.getlist(one.name)))
    text = query.get(one.name)
    return one.default if text is None else one.read(str(text))


def refuse(form: forms.Form) -> None:
    """Refuse what a page's own form finds wrong.

    Behind a semicolon the page says what it did instead; here nothing was done.

    :raises BadParameters: when there is something.
    """
    errors = [
        Wrong(name, f"{str(text).partition(';')[0].rstrip('.')}.")
        for name, texts in form.errors.items()
        for text in texts
    ]
    if errors:
        raise BadParameters(errors)


def bad(name: str, detail: str) -> BadParameters:
    return BadParameters([Wrong(name, detail)])


def no_such_ou(ou_id: str) -> NotFound:
    return NotFound(
        f"There is no organisational unit {ou_id}, or you do not see every account of it. "
        "/api/v1/ous/ lists those that you do."
    )


def binding(path: str, query: Mapping[str, Any]) -> str:
    """What a cursor is bound to: the list, and what it is narrowed to."""
    names = sorted(name for name in query if name not in _OTHER_LIST)
    return f"{path}?{'&'.join(f'{name}={query[name]!r}' for name in names)}"


def _is_day(text: str) -> bool:
    if not _DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _quoted(text: str) -> str:
    return f"“{text[:60]}{'…' if len(text) > 60 else ''}”"
