"""YAML text to plain data that still knows its lines."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

from invariants.catalog.problems import Place, Problem

# What YAML carries: mappings, lists, strings, numbers, booleans, null. Nothing narrower is known
# before the records have checked it.
Data: TypeAlias = Any
Loc: TypeAlias = tuple[str | int, ...]

_INTEGER: Final = re.compile(r"-?(0|[1-9]\d*)\Z")
_FLOAT: Final = re.compile(r"-?\d+\.\d+\Z")
_QUOTE: Final = "Put text that begins with one of * & ! % @ ` { [ into double quotes"
# Several times as fast where the library was built with it, as its wheels are.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEPTH: Final = 40
# A file of the catalogue has some hundred; aliases (*) could make billions out of a few lines.
_NODES: Final = 20_000


@dataclass(frozen=True, slots=True)
class Tree:
    """One file: its data and the line of every key and list item."""

    file: Path
    data: Data
    places: Mapping[Loc, Place]
    problems: tuple[Problem, ...] = ()

    def place(self, loc: Loc) -> Place:
        """The line of `loc`; of the nearest part around it where the file does not have it."""
        return nearest(self.places, loc, self.file)


def nearest(places: Mapping[Loc, Place], loc: Loc, file: Path) -> Place:
    for end in range(len(loc), -1, -1):
        if loc[:end] in places:
            return places[loc[:end]]
    return Place(file, 1)


def read(text: str, file: Path) -> Tree:
    """Parse `text`, which stands in `file`.

    Only `true` and `false` are booleans and only plain decimals are numbers: `off`, `2012-10-17`
    and an account id with a leading zero stay the text that they are, unlike in YAML 1.1. A JSON
    document is valid YAML, so a policy can be pasted in as AWS shows it.
    """
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        what = f"The file is no valid YAML: {error.problem or error.context}"
        return Tree(file, None, {}, (Problem(Place(file, line), what, f"{_QUOTE}."),))
    except yaml.YAMLError as error:
        what = f"The file is no valid YAML: {error}"
        remedy = "Save it as UTF-8 text without control characters."
        return Tree(file, None, {}, (Problem(Place(file, 1), what, remedy),))
    walk = _Walk(file)
    data = walk.value(node, ()) if node is not None else None
    return Tree(file, data, walk.places, tuple(walk.problems))


class _Walk:
    def __init__(self, file: Path) -> None:
        self.file = file
        self.places: dict[Loc, Place] = {}
        self.problems: list[Problem] = []
        self.visited = 0

    def value(self, node: yaml.Node, loc: Loc) -> Data:
        self.places.setdefault(loc, self.at(node))
        self.visited += 1
        if len(loc) > _DEPTH or self.visited > _NODES:
            if not self.problems:
                self.complain(node, "The file is too large or too deep", "Write out aliases (*).")
            return None
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, loc)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*loc, i)) for i, item in enumerate(node.value)]
        return _scalar(node)

    def mapping(self, node: yaml.MappingNode, loc: Loc) -> dict[str, Data]:
        found: dict[str, Data] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                text = "A field name is no text"
                self.complain(key_node, text, 'Quote a placeholder: "{{name}}".')
                continue
            key = str(key_node.value)
            if key in found:
                text = f'"{key}" stands here twice'
                self.complain(key_node, text, "Keep one of the two; YAML would drop the first.")
            self.places[(*loc, key)] = self.at(key_node)
            found[key] = self.value(value_node, (*loc, key))
        return found

    def at(self, node: yaml.Node) -> Place:
        return Place(self.file, node.start_mark.line + 1)

    def complain(self, node: yaml.Node, message: str, remedy: str) -> None:
        self.problems.append(Problem(self.at(node), message, remedy))


def _scalar(node: yaml.Node) -> Data:
    text = str(node.value)
    # Quoted. A plain one has the style None in the Python of PyYAML and "" in its C.
    if getattr(node, "style", None):
        return text
    if text in ("true", "false"):
        return text == "true"
    if text in ("", "null", "~"):
        return None
    if _INTEGER.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) else text
