"""Placeholders of the catalogue: what differs from organisation to organisation.

A policy names its Regions, its roles and its organisation by "{{parameter}}", never by `${...}`,
which AWS reads as a variable of the request. The values stand in parameters.yaml beside the
invariants; an organisation's own folder has its own parameters.yaml.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, TypeAlias

from invariants.catalog.problems import Problem
from invariants.catalog.yaml_tree import Data, Loc, Tree

FILE: Final = "parameters.yaml"
_PROBES_AT: Final = (("must_deny",), ("must_allow",))
Values: TypeAlias = Mapping[str, tuple[str, ...]]

_PLACEHOLDER: Final = re.compile(r"\{\{\s*([a-z][a-z0-9_]*)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Filled:
    """Data without placeholders, the lines it came from, and what could not be filled in."""

    data: Data
    places: Mapping[Loc, Loc]
    problems: tuple[Problem, ...]


def read_values(tree: Tree) -> tuple[dict[str, tuple[str, ...]], tuple[Problem, ...]]:
    """Values of one parameters.yaml: each a text or a list of texts. All are lists to us."""
    if not isinstance(tree.data, dict):
        what = "The file holds no parameters"
        return {}, (Problem(tree.place(()), what, "Write `name: value` lines."),)
    values: dict[str, tuple[str, ...]] = {}
    problems: list[Problem] = []
    for name, value in tree.data.items():
        listed = value if isinstance(value, list) else [value]
        if listed and all(isinstance(item, str | int) and item != "" for item in listed):
            values[name] = tuple(str(item) for item in listed)
        else:
            what = f'The value of "{name}" is neither a text nor a list of texts'
            problems.append(Problem(tree.place((name,)), what, "Give it at least one text."))
    return values, tuple(problems)


def fill(tree: Tree, values: Values) -> Filled:
    """Replace every placeholder of `tree`.

    A list item that is nothing but a placeholder becomes as many items as the parameter has values;
    a placeholder inside a text takes a parameter of one value. A probe is one request: in it, a
    placeholder stands for the first value.
    """
    filler = _Filler(tree, values)
    data = filler.value(tree.data, (), ())
    return Filled(data, filler.origins, tuple(filler.problems))


def used(data: Data) -> frozenset[str]:
    """Names of the parameters that `data` refers to."""
    return frozenset(name for text in _texts(data) for name in _PLACEHOLDER.findall(text))


def _texts(data: Data) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for value in data.values():
            yield from _texts(value)
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value)


class _Filler:
    def __init__(self, tree: Tree, values: Values) -> None:
        self.tree = tree
        self.values = values
        # Lists grow where a parameter has many values, so a path no longer tells the line.
        self.origins: dict[Loc, Loc] = {}
        self.problems: list[Problem] = []

    def value(self, data: Data, loc: Loc, origin: Loc) -> Data:
        self.origins[loc] = origin
        if isinstance(data, dict):
            return {k: self.value(v, (*loc, k), (*origin, k)) for k, v in data.items()}
        if isinstance(data, list):
            return self.items(data, loc, origin)
        if not isinstance(data, str):
            return data
        name = _alone(data)
        if name and loc[:1] not in _PROBES_AT and len(found := self.lookup(name, origin)) > 1:
            return list(found)
        return self.text(data, origin, takes_first=loc[:1] in _PROBES_AT)

    def items(self, data: Sequence[Data], loc: Loc, origin: Loc) -> list[Data]:
        filled: list[Data] = []
        for i, item in enumerate(data):
            name = _alone(item) if isinstance(item, str) and loc[:1] not in _PROBES_AT else None
            parts = self.lookup(name, (*origin, i)) if name else (item,)
            for part in parts:
                filled.append(self.value(part, (*loc, len(filled)), (*origin, i)))
        return filled

    def text(self, text: str, origin: Loc, *, takes_first: bool) -> str:
        def one(match: re.Match[str]) -> str:
            found = self.lookup(match[1], origin)
            if len(found) > 1 and not takes_first:
                what = f'"{match[1]}" has {len(found)} values and stands inside a text'
                remedy = "Let it stand alone, or name a parameter with one value."
                self.problems.append(Problem(self.tree.place(origin), what, remedy))
            return found[0]

        return _PLACEHOLDER.sub(one, text)

    def lookup(self, name: str, origin: Loc) -> tuple[str, ...]:
        if name in self.values:
            return self.values[name]
        near = get_close_matches(name, self.values, n=1)
        hint = f'Did you mean "{near[0]}"? ' if near else ""
        what = f'No parameter is called "{name}"'
        remedy = f"{hint}Parameters are listed in {FILE}."
        self.problems.append(Problem(self.tree.place(origin), what, remedy))
        return ("",)


def _alone(text: str) -> str | None:
    match = _PLACEHOLDER.fullmatch(text.strip())
    return match[1] if match else None
