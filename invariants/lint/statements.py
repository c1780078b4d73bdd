"""A policy as the linter reads it: leniently, since it has to say something about broken ones too."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from invariants import engine
from invariants.engine.reading import within

# Text of a policy that nobody has checked yet.
Json: TypeAlias = Any

NEGATED_FIRES_ON_ABSENT: Final = (
    "A negated operator is true of a key that the request does not have."
)


@dataclass(frozen=True, slots=True)
class Clause:
    """One key under one operator. `operator` None: AWS has no operator of that name."""

    written: str
    operator: engine.Operator | None
    key: str
    values: tuple[str, ...]
    path: str

    @property
    def name(self) -> str:
        """The key in lower case: keys are compared in any case."""
        return self.key.lower()

    @property
    def is_negated(self) -> bool:
        return self.operator is not None and self.operator.is_negated

    @property
    def base(self) -> str:
        return self.operator.base.value if self.operator else ""


@dataclass(frozen=True, slots=True)
class View:
    """One statement, with lists where the text may have a single value."""

    path: str
    sid: str
    effect: str
    actions: tuple[str, ...]
    is_not_action: bool
    resources: tuple[str, ...]
    is_not_resource: bool
    clauses: tuple[Clause, ...]

    @property
    def is_deny(self) -> bool:
        return self.effect == "Deny"

    @property
    def action_path(self) -> str:
        return f"{self.path}.{'NotAction' if self.is_not_action else 'Action'}"

    @property
    def resource_path(self) -> str:
        return f"{self.path}.{'NotResource' if self.is_not_resource else 'Resource'}"

    def negated(self) -> Iterator[Clause]:
        """Clauses that exempt from a Deny: the keys whose values let a request through."""
        return (clause for clause in self.clauses if clause.is_negated)

    def has_null(self, key: str, value: str) -> bool:
        """Whether the statement asks that `key` be absent ("true") or present ("false")."""
        return any(
            clause.base == "Null" and clause.name == key.lower() and value in clause.values
            for clause in self.clauses
        )


def views(document: Mapping[str, Json]) -> tuple[View, ...]:
    """The statements of a document, those that are no objects left out."""
    value = document.get("Statement", [])
    listed = value if isinstance(value, list | tuple) else [value]
    paths = (
        (f"$.Statement[{i}]" for i in range(len(listed)))
        if isinstance(value, list | tuple)
        else iter(["$.Statement"])
    )
    return tuple(
        _view(statement, path)
        for statement, path in zip(listed, paths, strict=False)
        if isinstance(statement, Mapping)
    )


def _view(statement: Mapping[str, Json], path: str) -> View:
    return View(
        path=path,
        sid=str(statement.get("Sid", "")),
        effect=str(statement.get("Effect", "")),
        actions=_texts(statement.get("NotAction", statement.get("Action"))),
        is_not_action="NotAction" in statement,
        resources=_texts(statement.get("NotResource", statement.get("Resource"))),
        is_not_resource="NotResource" in statement,
        clauses=tuple(_clauses(statement.get("Condition"), f"{path}.Condition")),
    )


def _clauses(condition: Json, path: str) -> Iterator[Clause]:
    if not isinstance(condition, Mapping):
        return
    for written, keys in condition.items():
        if not isinstance(keys, Mapping):
            continue
        try:
            operator = engine.operator(str(written))
        except ValueError:
            operator = None
        place = within(path, str(written))
        for key, value in keys.items():
            yield Clause(str(written), operator, str(key), _texts(value), within(place, str(key)))


def _texts(value: Json) -> tuple[str, ...]:
    if value is None:
        return ()
    listed = value if isinstance(value, list | tuple) else (value,)
    return tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in listed)
