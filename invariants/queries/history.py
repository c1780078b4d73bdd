"""How an invariant came to be what it is: its moves, its versions, and what changed between two.

For those who see the whole organisation: versions hold the text of policies, moves name people.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from invariants.models import Invariant, InvariantMove, InvariantVersion
from invariants.models.catalogue import InvariantState
from invariants.policies import diffs
from invariants.policies.diffs import Line
from invariants.queries import policy_text
from inventory.access import AnyUser

# More of either are on no page; the API has them all.
MOST_SHOWN: Final = 100
MOST_VERSIONS: Final = 100_000
# The states that the stepper shows, in their order; a retired invariant has one more.
_STEPS: Final = (
    Invariant.State.DRAFT,
    Invariant.State.TESTED,
    Invariant.State.STAGED,
    Invariant.State.ENFORCED,
)


@dataclass(frozen=True, slots=True)
class Gate:
    """What a move had to pass: `state` is PASSED, FAILED or WAIVED, `waiver` why it was waived."""

    name: str
    state: str
    found: str
    waiver: str


@dataclass(frozen=True, slots=True)
class Move:
    before: str
    after: str
    at: datetime
    by: str
    why: str
    version: int
    gates: tuple[Gate, ...]
    is_forward: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A state of the stepper: `mark` is done, now or "" (to come); `at` and `by` of the last move into
    it, None and "" where that is not known or not for the person."""

    state: str
    name: str
    mark: str
    at: datetime | None
    by: str


@dataclass(frozen=True, slots=True)
class Version:
    number: int
    declared: int
    digest: str
    source: str
    because: str
    loaded_at: datetime
    replaced_at: datetime | None


@dataclass(frozen=True, slots=True)
class Comparison:
    newer: int
    older: int
    lines: tuple[Line, ...]

    @property
    def is_equal(self) -> bool:
        return diffs.counts(self.lines) == (0, 0)


def moves(user: AnyUser, invariant: Invariant) -> tuple[Move, ...]:
    """The newest first. One query."""
    rows = InvariantMove.objects.visible_to(user).filter(invariant=invariant)
    rows = rows.select_related("version").order_by("-at", "-pk")[:MOST_SHOWN]
    return tuple(
        Move(
            before=str(row.get_before_display()),
            after=str(row.get_after_display()),
            at=row.at,
            by=row.by_name,
            why=row.why,
            version=row.version.number,
            gates=tuple(map(_gate, row.gates)),
            is_forward=_place(row.after) > _place(row.before),
        )
        for row in rows
    )


def _place(state: str) -> int:
    return Invariant.State.values.index(state)


def _gate(found: dict[str, Any]) -> Gate:
    texts = (str(found.get(name, "")) for name in ("gate", "state", "found", "waiver"))
    return Gate(*texts)


def steps(invariant: Invariant, told: tuple[Move, ...]) -> tuple[Step, ...]:
    """The life cycle with what is behind it and where it is. No query."""
    is_retired = invariant.state == Invariant.State.RETIRED
    shown = (*_STEPS, Invariant.State.RETIRED) if is_retired else _STEPS
    into: dict[str, Move] = {}
    for move in reversed(told):
        into[move.after] = move
    return tuple(_step(invariant, state, into) for state in shown)


def _step(invariant: Invariant, state: InvariantState, into: dict[str, Move]) -> Step:
    name = str(state.label)
    if state == invariant.state:
        move = into.get(name)
        return Step(state.value, name, "now", invariant.state_since, move.by if move else "")
    is_behind = _place(state) < _place(invariant.state)
    # Whoever went back to an earlier state has the later ones before them again.
    move = into.get(name) if is_behind else None
    mark = "done" if is_behind and (move or invariant.state != Invariant.State.RETIRED) else ""
    return Step(state.value, name, mark, move.at if move else None, move.by if move else "")


def versions(user: AnyUser, invariant: Invariant) -> tuple[Version, ...]:
    """The newest first. One query."""
    rows = InvariantVersion.objects.visible_to(user).filter(invariant=invariant)
    return tuple(
        Version(
            number=row.number,
            declared=row.declared,
            digest=row.digest,
            source=source_text(row.source),
            because=str(row.source.get("because", "")),
            loaded_at=row.loaded_at,
            replaced_at=row.replaced_at,
        )
        for row in rows.defer("content", "reading").order_by("-number")[:MOST_SHOWN]
    )


def source_text(source: dict[str, Any]) -> str:
    """File and line, and of an own folder those of what it changes: "s3-bpa.yaml, line 1"."""
    own, shipped = (
        _place_text(source, name)
        for name in (("overridden_file", "overridden_line"), ("file", "line"))
    )
    return f"{own}, over {shipped}" if own and shipped else own or shipped


def _place_text(source: dict[str, Any], names: tuple[str, str]) -> str:
    file, line = (source.get(name) for name in names)
    if not file:
        return ""
    name = str(file).rsplit("/", maxsplit=1)[-1]
    return f"{name}, line {line}" if line else name


def compare(
    user: AnyUser, invariant: Invariant, newer: int | None, older: int | None
) -> Comparison | None:
    """Two versions line by line: by default the newest two. None where there are no two such. Two
    queries."""
    rows = InvariantVersion.objects.visible_to(user).filter(invariant=invariant)
    after = _chosen(rows, newer)
    before = None if after is None else _chosen(rows.filter(number__lt=after.number), older)
    if after is None or before is None:
        return None
    return Comparison(after.number, before.number, diffs.diff(_text(before), _text(after)))


def _chosen(rows: Any, number: int | None) -> InvariantVersion | None:
    found = rows if number is None else rows.filter(number=number)
    version: InvariantVersion | None = found.order_by("-number").first()
    return version


def _text(version: InvariantVersion) -> str:
    return "\n".join(policy_text.text_lines(version.content))
