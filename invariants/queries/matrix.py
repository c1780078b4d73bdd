"""Invariants by OU: one number for each pair, from the sums that coverage keeps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from invariants.models import Invariant
from invariants.queries import coverage, listing
from invariants.queries.counts import Counts
from invariants.queries.listing import Filters
from inventory.access import AnyUser
from inventory.models import OrganizationalUnit

# More columns nobody reads: deeper ones are left out, and the page says how many.
MOST_COLUMNS: Final = 24
HEADS: Final = (
    "invariant",
    "statement",
    "OU id",
    "OU",
    "accounts in scope",
    "enforced",
    "enforced with carve-out",
    "excepted",
    "missing",
    "broken",
    "unknown",
    "not enforceable",
    "not applicable",
)


@dataclass(frozen=True, slots=True)
class Column:
    """An OU with all below it; `level` 0 is the one that the others are below of."""

    pk: int
    ou_id: str
    name: str
    label: str
    level: int
    has_children: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """`counts` None where nothing was worked out; `percent` None where it has to hold nowhere, or
    where nothing is known of any account."""

    column: Column
    counts: Counts | None

    @property
    def percent(self) -> int | None:
        """Rounded down, so that only where it holds everywhere 100 is written."""
        counts = self.counts
        if counts is None or not counts.in_scope or counts.unknown == counts.in_scope:
            return None
        return 100 * counts.protected // counts.in_scope

    @property
    def has_accounts(self) -> bool:
        """Whether there is anything behind it to look at."""
        return self.counts is not None and self.counts.total > 0

    @property
    def word(self) -> str:
        counts = self.counts
        if counts is None:
            return "not worked out"
        if not counts.in_scope:
            return "not enforceable" if counts.not_enforceable else "not in scope"
        found = (
            (counts.broken, "broken"),
            (counts.missing, "missing"),
            (counts.unknown, "unknown"),
            (counts.excepted, "excepted"),
            (counts.carved_out, "carved out"),
        )
        return next((f"{number:,} {word}" for number, word in found if number), "holds")


@dataclass(frozen=True, slots=True)
class Row:
    invariant: Invariant
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """`left_out` columns are deeper than there is room for."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    left_out: int
    all: int
    types: tuple[tuple[str, str], ...]


def matrix(
    user: AnyUser,
    filters: Filters,
    *,
    ou: OrganizationalUnit | None = None,
    depth: int = 1,
    most_columns: int = MOST_COLUMNS,
) -> Matrix:
    """Rows as in the list, one column for each OU. Four queries.

    :param ou: the first column, with `depth` levels below it; None is the uppermost that the person sees.
    """
    columns = _columns(user, ou, depth)
    every = list(Invariant.objects.visible_to(user).live().order_by("key"))
    shown = columns[:most_columns]
    counted = coverage.matrix(
        user, invariants=[one.pk for one in every], ous=[column.pk for column in shown]
    )
    rows = [
        Row(one, tuple(Cell(column, counted.get((one.pk, column.pk))) for column in shown))
        for one in listing.matching(every, filters)
    ]
    rows = [row for row in rows if _is_covered(row, filters.coverage)]
    rows.sort(key=lambda row: listing.order_of(row.invariant))
    return Matrix(
        columns=tuple(shown),
        rows=tuple(rows),
        left_out=len(columns) - len(shown),
        all=len(every),
        types=listing.types_of(every),
    )


def _is_covered(row: Row, asked: str) -> bool:
    """By the first column, which the others are parts of."""
    return listing.is_covered(row.cells[0].counts if row.cells else None, asked)


def _columns(user: AnyUser, ou: OrganizationalUnit | None, depth: int) -> list[Column]:
    """The OU and those below it, each before the ones below it. One query."""
    seen = OrganizationalUnit.objects.visible_to(user).live()
    if ou is not None:
        seen = seen.under(ou)
    columns = ("pk", "ou_id", "name", "label", "depth", "path")
    found: list[dict[str, Any]] = [dict(row) for row in seen.values(*columns)]
    top = min((one["depth"] for one in found), default=0)
    parents = {one["path"].rstrip("/").rsplit("/", 1)[0] + "/" for one in found}
    names = {one["path"]: one["name"].casefold() for one in found}
    shown = [one for one in found if one["depth"] - top <= depth]
    shown.sort(key=lambda one: (one["depth"] - top, _way(one, names)))
    return [
        Column(
            one["pk"],
            one["ou_id"],
            one["name"],
            one["label"] or one["name"],
            one["depth"] - top,
            one["path"] in parents,
        )
        for one in shown
    ]


def _way(one: dict[str, Any], names: dict[str, str]) -> list[str]:
    steps = one["path"].rstrip("/").split("/")
    return [names.get("/".join(steps[: end + 1]) + "/", "") for end in range(len(steps))]


def records(found: Matrix) -> Iterator[tuple[object, ...]]:
    """One line for each pair, as HEADS has it; what was not worked out stays empty."""
    for row in found.rows:
        for cell in row.cells:
            yield (
                row.invariant.key,
                row.invariant.statement,
                cell.column.ou_id,
                cell.column.label,
                *_figures(cell.counts),
            )


def _figures(counts: Counts | None) -> Sequence[object]:
    if counts is None:
        return ("",) * 9
    return (counts.in_scope, *listing.states_of(counts))
