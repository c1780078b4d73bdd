"""The sums of rows by every choice of up to three dimensions. Numbers only: no database here."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from findings.models import Dimension, bits
from findings.rollups.writing import Numbers, Rows, rows_of

# The columns of FacetCount and the bytes of each.
SUMS: Final = {"dimensions": 2, "status": 2, "a": 4, "b": 4, "c": 4, "findings": 4}
# Those that are a property of the account: without them, rows of all accounts can be summed first.
_OF_ACCOUNT: Final = frozenset(
    {Dimension.ENVIRONMENT, Dimension.OU, Dimension.TEAM, Dimension.ACCOUNT}
)
# A table of all possible sums is the quickest way, until it is mostly empty.
_SPARSE: Final = 4
_SMALL: Final = 4096
_Dimensions: TypeAlias = tuple[Dimension, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """The value of one dimension in every row: `codes[index]`. `codes` ascend."""

    codes: Numbers
    index: Numbers

    @classmethod
    def of(cls, table: Sequence[int], entry: Numbers) -> "Column":
        """A column that looks its values up in a table, by the number of the entry in each row."""
        codes, index = np.unique(np.asarray(table, np.int64), return_inverse=True)
        return cls(codes, index[entry])


class Chains:
    """For each place in the tree the OUs that it counts in, from the top down."""

    def __init__(self, chains: Sequence[tuple[int, ...]]) -> None:
        self.lengths = np.array([len(ous) for ous in chains], np.int64)
        flat = np.array([ou for ous in chains for ou in ous], np.int64)
        self.codes, self._index = np.unique(flat, return_inverse=True)
        self._starts = np.cumsum(self.lengths) - self.lengths

    def climb(self, places: Numbers) -> tuple[Numbers, Numbers]:
        """Each place as often as it has OUs: the number of the place in `places`, and the OU's."""
        lengths = self.lengths[places]
        origin = np.repeat(np.arange(len(places)), lengths)
        within = np.arange(len(origin)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return origin, self._index[np.repeat(self._starts[places], lengths) + within]


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows to sum up: the status, each dimension, and the number of findings.

    The column of the OU has places of `chains`. Rows with the same `alike` differ by their account.
    """

    status: Column
    columns: Mapping[Dimension, Column]
    findings: Numbers
    chains: Chains
    alike: Numbers


@dataclass(frozen=True, slots=True)
class _Choice:
    """Some dimensions, and for each row the place of its sum in a table of `size` sums."""

    dimensions: _Dimensions
    place: Numbers
    size: int


def fold(grid: Grid) -> Iterator[Rows]:
    """Rows of FacetCount for each choice of dimensions, ascending; those that come to 0 left out."""
    for choice in _choices(grid, of_account=True):
        if not _OF_ACCOUNT.isdisjoint(choice.dimensions):
            yield _sums(grid, choice)
    summed = _without_accounts(grid)
    for choice in _choices(summed, of_account=False):
        yield _sums(summed, choice)


def _without_accounts(grid: Grid) -> Grid:
    """The same sums in fewer rows: those that differ by their account alone are one."""
    _, first, row = np.unique(grid.alike, return_index=True, return_inverse=True)
    kept = {d: column for d, column in grid.columns.items() if d not in _OF_ACCOUNT}
    return Grid(
        Column(grid.status.codes, grid.status.index[first]),
        {d: Column(column.codes, column.index[first]) for d, column in kept.items()},
        _totals(row, grid.findings, len(first)),
        grid.chains,
        grid.alike[first],
    )


def _choices(grid: Grid, *, of_account: bool) -> Iterator[_Choice]:
    """No dimension, one, two, and those three of which one is `of_account` (or none is)."""

    def extend(choice: _Choice) -> Iterator[_Choice]:
        yield choice
        for dimension, column in grid.columns.items():
            longer = (*choice.dimensions, dimension)
            if _is_kept(longer, of_account=of_account):
                size = len(column.codes)
                place = choice.place * size + column.index
                yield from extend(_Choice(longer, place, choice.size * size))

    yield from extend(_Choice((), grid.status.index, len(grid.status.codes)))


def _is_kept(dimensions: _Dimensions, *, of_account: bool) -> bool:
    """An account is counted alone and with one other dimension: with two it is in FindingCount."""
    *before, last = dimensions
    if before and before[-1] >= last:
        return False
    if len(dimensions) < 3:
        return True
    is_of_account = not _OF_ACCOUNT.isdisjoint(dimensions)
    return len(dimensions) == 3 and last != Dimension.ACCOUNT and is_of_account == of_account


def _sums(grid: Grid, choice: _Choice) -> Rows:
    codes = [grid.columns[dimension].codes for dimension in choice.dimensions]
    places, findings = _added(choice.place, grid.findings, choice.size)
    if Dimension.OU in choice.dimensions:
        at = choice.dimensions.index(Dimension.OU)
        parts = _split(places, codes)
        origin, ous = grid.chains.climb(parts[1 + at])
        parts = [part[origin] for part in parts]
        parts[1 + at], codes[at] = ous, grid.chains.codes
        places, findings = _added(*_joined(grid, parts, codes, findings[origin]))
    status, *values = _split(places, codes)
    rows = rows_of(SUMS, len(findings))
    rows["dimensions"] = bits(choice.dimensions)
    rows["status"] = grid.status.codes[status]
    for name, value, known in zip("abc", values, codes, strict=False):
        rows[name] = known[value]
    rows["findings"] = findings
    return rows


def _split(places: Numbers, codes: Sequence[Numbers]) -> list[Numbers]:
    """The number of the status and of each value that a place stands for."""
    parts = []
    for known in reversed(codes):
        places, index = np.divmod(places, max(len(known), 1))
        parts.append(index)
    return [places, *reversed(parts)]


def _joined(
    grid: Grid, parts: Sequence[Numbers], codes: Sequence[Numbers], findings: Numbers
) -> tuple[Numbers, Numbers, int]:
    """The opposite of `_split`, with the size of the table."""
    place, size = parts[0], len(grid.status.codes)
    for part, known in zip(parts[1:], codes, strict=True):
        place, size = place * len(known) + part, size * len(known)
    return place, findings, size


def _added(place: Numbers, findings: Numbers, size: int) -> tuple[Numbers, Numbers]:
    """The places with a sum other than 0, ascending, and the sums."""
    if size <= max(_SPARSE * len(place), _SMALL):
        sums = _totals(place, findings, size)
        found = np.flatnonzero(sums)
        return found, sums[found]
    places, index = np.unique(place, return_inverse=True)
    sums = _totals(index, findings, len(places))
    found = np.flatnonzero(sums)
    return places[found], sums[found]


def _totals(place: Numbers, findings: Numbers, size: int) -> Numbers:
    # Sums of whole numbers below 2^53 are exact in floating point.
    return np.bincount(place, weights=findings, minlength=size).astype(np.int64)
