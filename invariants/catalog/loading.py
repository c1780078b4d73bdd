"""From folders of YAML files to a catalogue, or to everything that is wrong with them."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pydantic import TypeAdapter, ValidationError

from invariants.catalog import checks, parameters, remedies, yaml_tree
from invariants.catalog.problems import CatalogueError, Place, Problem
from invariants.catalog.records import Invariant
from invariants.catalog.yaml_tree import Data, Loc, Tree

SHIPPED: Final = Path(__file__).parent
_INVARIANT: Final = TypeAdapter(Invariant)
_OVERRIDE_ONLY: Final = ("overrides", "because")


@dataclass(frozen=True, slots=True)
class Version:
    """`declared` is what the file says; `digest` (SHA-256, hex) is of everything else in it, with
    parameters filled in and overrides applied, so that no change goes unnoticed."""

    declared: int
    digest: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One invariant of a catalogue. `place` is where it is defined; `overridden_at` where an
    organisation's folder changes it, and `because` why; both empty where it does not. `parameters`
    are those of its policy and its targets: the ones that get to AWS."""

    invariant: Invariant
    version: Version
    place: Place
    parameters: frozenset[str]
    overridden_at: Place | None = None
    because: str = ""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every invariant by id, in the order of ids, and the parameters that filled them.

    `own_parameters` are those that an organisation's own folder gives.
    """

    entries: Mapping[str, Entry]
    parameters: parameters.Values
    own_parameters: frozenset[str] = frozenset()

    def left_as_examples(self, invariant_id: str) -> frozenset[str]:
        """Parameters of an invariant's policy whose values are still the shipped examples: in AWS it
        would exempt roles that nobody has, or deny everybody who is not of o-exampleorg1."""
        return self.entries[invariant_id].parameters - self.own_parameters

    def __iter__(self) -> Iterator[Invariant]:
        return (entry.invariant for entry in self.entries.values())

    def __getitem__(self, invariant_id: str) -> Invariant:
        return self.entries[invariant_id].invariant

    def __len__(self) -> int:
        return len(self.entries)


def load(*folders: Path) -> Catalogue:
    """Read the shipped catalogue and then an organisation's own `folders`, in this order.

    A file of an own folder adds an invariant, or changes one that an earlier folder has: it says
    `overrides: <id>` and `because: <reason>`, and its other fields replace those of the earlier
    file, each as a whole.

    :raises CatalogueError: with all that is wrong in all files.
    """
    return read_folders((SHIPPED, *folders))


def read_folders(folders: Sequence[Path]) -> Catalogue:
    """As `load`, without the shipped catalogue."""
    reading = _Reading()
    for folder in folders:
        reading.folder(folder)
    entries = {i: e for i in sorted(reading.drafts) if (e := reading.entry(i))}
    if reading.problems:
        raise CatalogueError(reading.problems)
    return Catalogue(
        MappingProxyType(entries), MappingProxyType(reading.values), frozenset(reading.own)
    )


@dataclass(slots=True)
class _Draft:
    """One invariant before it is checked. Its top-level fields may come from two files."""

    tree: Tree
    because: str = ""
    overridden_at: Place | None = None
    origin: Place | None = None


@dataclass(slots=True)
class _Reading:
    drafts: dict[str, _Draft] = field(default_factory=dict)
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    own: set[str] = field(default_factory=set)

    def folder(self, folder: Path) -> None:
        files = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
        if not files:
            what = "The folder holds no *.yaml file"
            self.complain(Place(folder, 1), what, "Check the path of the catalogue's folder.")
        trees = [self.tree(file) for file in files if file.name != parameters.FILE]
        self.own_parameters(folder / parameters.FILE, trees)
        for tree in trees:
            if not tree.problems:
                self.document(tree)

    def tree(self, file: Path) -> Tree:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            problem = Problem(Place(file, 1), "The file is no UTF-8 text", "Save it as UTF-8.")
            tree = Tree(file, None, {}, (problem,))
        else:
            tree = yaml_tree.read(text, file)
        self.problems.extend(tree.problems)
        return tree

    def own_parameters(self, file: Path, trees: Sequence[Tree]) -> None:
        if not file.exists():
            return
        tree = self.tree(file)
        if tree.problems:
            return
        values, problems = parameters.read_values(tree)
        self.problems.extend(problems)
        known = {*self.values, *(name for t in trees for name in parameters.used(t.data))}
        # The first folder may name what probes are asked with; in the others it is a slip of the pen.
        unknown = values.keys() - known if self.values else ()
        for name in sorted(unknown):
            near = get_close_matches(name, known, n=1)
            remedy = f'Did you mean "{near[0]}"?' if near else "Remove it, or use it."
            self.complain(tree.place((name,)), f'No invariant uses "{name}"', remedy)
        self.own |= values.keys() if self.values else set()
        self.values |= values

    def document(self, tree: Tree) -> None:
        if not isinstance(tree.data, dict):
            what = "The file holds no invariant"
            self.complain(tree.place(()), what, "Write its fields; docs/catalogue.md has them.")
        elif "overrides" in tree.data:
            self.override(tree)
        else:
            self.addition(tree)

    def addition(self, tree: Tree) -> None:
        invariant_id = str(tree.data.get("id") or tree.file.stem)
        place = tree.place(("id",))
        if invariant_id != tree.file.stem:
            what = f'The id is "{invariant_id}" and the file is called {tree.file.name}'
            self.complain(place, what, f"Call the file {invariant_id}.yaml.")
        if earlier := self.drafts.get(invariant_id):
            what = f'"{invariant_id}" is defined at {earlier.origin} already'
            remedy = f"Choose another id, or say `overrides: {invariant_id}`."
            self.complain(place, what, remedy)
            return
        self.drafts[invariant_id] = _Draft(tree, origin=place)

    def override(self, tree: Tree) -> None:
        target = str(tree.data["overrides"])
        base = self.drafts.get(target)
        place = tree.place(("overrides",))
        because = tree.data.get("because")
        if not because or not isinstance(because, str):
            what = f'Nothing says why "{target}" is changed'
            self.complain(place, what, "Add `because:` with the reason.")
        if "id" in tree.data:
            self.complain(tree.place(("id",)), "An override has an id", "Remove it; it stays.")
        if base is None:
            near = get_close_matches(target, self.drafts, n=1)
            remedy = f'Did you mean "{near[0]}"?' if near else "Remove `overrides:` to add it."
            self.complain(place, f'There is no invariant "{target}" to override', remedy)
        elif base.overridden_at:
            what = f'"{target}" is overridden at {base.overridden_at} already'
            self.complain(place, what, "Put both changes into one file.")
        else:
            merged = _merged(base.tree, tree)
            self.drafts[target] = _Draft(merged, str(because), place, base.origin)

    def entry(self, invariant_id: str) -> Entry | None:
        draft = self.drafts[invariant_id]
        filled = parameters.fill(draft.tree, self.values)
        self.problems.extend(filled.problems)
        if filled.problems:
            return None
        at = _Lines(draft.tree, filled.places)
        invariant = self.record(filled.data, at)
        if invariant is None:
            return None
        found = [Problem(at.place(c.loc), c.message, c.remedy) for c in checks.check(invariant)]
        self.problems.extend(found)
        return Entry(
            invariant=invariant,
            version=Version(invariant.version, digest(filled.data)),
            place=draft.origin or at.place(()),
            parameters=_exported(draft.tree.data),
            overridden_at=draft.overridden_at,
            because=draft.because,
        )

    def record(self, data: Data, at: "_Lines") -> Invariant | None:
        try:
            return _INVARIANT.validate_python(data)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                message, remedy = remedies.words(detail)
                self.complain(at.place(remedies.subject(detail)), message, remedy)
            return None

    def complain(self, place: Place, message: str, remedy: str) -> None:
        self.problems.append(Problem(place, message, remedy))


@dataclass(frozen=True, slots=True)
class _Lines:
    """Where a path of the filled-in data stands in its file."""

    tree: Tree
    origins: Mapping[Loc, Loc]

    def place(self, loc: Loc) -> Place:
        for end in range(len(loc), -1, -1):
            origin = self.origins.get(loc[:end])
            if origin is not None:
                return self.tree.place(origin)
        return self.tree.place(())


def _exported(data: Data) -> frozenset[str]:
    return parameters.used([data.get("policy"), data.get("targets")])


def digest(data: Data) -> str:
    """SHA-256 of an invariant's data but for its declared version; white space, the order of fields
    and comments do not count."""
    content = {name: value for name, value in data.items() if name != "version"}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _merged(base: Tree, change: Tree) -> Tree:
    fields = {k: v for k, v in change.data.items() if k not in (*_OVERRIDE_ONLY, "id")}
    kept = {
        loc: place for loc, place in base.places.items() if loc[:1] not in {(k,) for k in fields}
    }
    added = {loc: place for loc, place in change.places.items() if loc and loc[0] in fields}
    return Tree(change.file, base.data | fields, kept | added)
