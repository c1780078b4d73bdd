"""Where JSON opens and closes, found for a whole chunk of bytes at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_QUOTE, _BACKSLASH, _OPEN, _CLOSE = 1, 2, 3, 4
_CLASSES = bytes.maketrans(b'"\\{[}]', bytes([_QUOTE, _BACKSLASH, _OPEN, _OPEN, _CLOSE, _CLOSE]))
# Everything else becomes 0.
_TABLE = bytes(_CLASSES[byte] if byte in b'"\\{[}]' else 0 for byte in range(256))


@dataclass(frozen=True, slots=True)
class State:
    """Where a scan stands between two bytes: how deep, and whether within a string."""

    depth: int = 0
    in_string: bool = False
    is_escaped: bool = False


@dataclass(frozen=True, slots=True)
class Brackets:
    """The brackets of a chunk that are not within strings.

    `at` are their positions, ascending; `levels` the depth around each: a bracket that opens a value
    of the outermost list has the same level as the one that closes it.
    """

    at: NDArray[np.int64]
    levels: NDArray[np.int64]
    is_open: NDArray[np.bool_]
    end: State
    _at_level: dict[int, tuple[list[int], list[int], list[bool]]] = field(default_factory=dict)

    @property
    def deepest(self) -> int:
        """The greatest level, -1 without brackets."""
        return int(self.levels.max()) if len(self.levels) else -1

    def within(self, level: int) -> tuple[list[int], list[int], list[bool]]:
        """Return position, level and kind of the brackets at this level or further out."""
        known = self._at_level.get(level)
        if known is None:
            chosen = self.levels <= level
            known = (
                self.at[chosen].tolist(),
                self.levels[chosen].tolist(),
                self.is_open[chosen].tolist(),
            )
            self._at_level[level] = known
        return known

    def level_at(self, position: int) -> int | None:
        """Return the level of the bracket at this position, None where none is."""
        index = int(np.searchsorted(self.at, position))
        if index == len(self.at) or self.at[index] != position:
            return None
        return int(self.levels[index])


def scan(data: bytes, state: State) -> Brackets:
    """Find the brackets of a chunk; about 400 MB a second."""
    classes = np.frombuffer(data.translate(_TABLE), dtype=np.uint8)
    at = np.flatnonzero(classes != 0)
    kinds = classes[at]
    is_escaped, ends_escaped = _escaped(at, kinds, state.is_escaped, len(data))
    quotes = (kinds == _QUOTE) & ~is_escaped
    inside = (np.cumsum(quotes) + state.in_string) % 2
    outside = (kinds >= _OPEN) & (inside == 0)
    at, is_open = at[outside], kinds[outside] == _OPEN
    after = np.cumsum(np.where(is_open, 1, -1)) + state.depth
    end = State(
        depth=int(after[-1]) if len(after) else state.depth,
        in_string=bool(inside[-1]) if len(inside) else state.in_string,
        is_escaped=ends_escaped,
    )
    return Brackets(at, np.where(is_open, after - 1, after), is_open, end)


def depth_of(data: bytes) -> int:
    """Return how deep a JSON text nests."""
    return scan(data, State()).deepest + 1


def openings_in(data: bytes) -> NDArray[np.int64]:
    """Find what may open a value, within strings too; ten times as fast as a scan."""
    # { and [ differ in one bit.
    return np.flatnonzero(np.frombuffer(data, dtype=np.uint8) & 0xDF == ord("["))


def _escaped(
    at: NDArray[np.int64], kinds: NDArray[np.uint8], is_first_escaped: bool, size: int
) -> tuple[NDArray[np.bool_], bool]:
    """Say which of these bytes a backslash before them takes the meaning from, and whether the
    chunk ends in such a backslash. Of a run of backslashes every second one is escaped itself."""
    escaped = np.zeros(len(at), dtype=np.bool_)
    if is_first_escaped and len(at) and at[0] == 0:
        escaped[0] = True
    slashes = at[kinds == _BACKSLASH]
    if not len(slashes):
        return escaped, is_first_escaped and size == 0
    if is_first_escaped and slashes[0] == 0:
        slashes = slashes[1:]
        if not len(slashes):
            return escaped, False
    starts = np.empty(len(slashes), dtype=np.bool_)
    starts[0] = True
    starts[1:] = np.diff(slashes) != 1
    order = np.arange(len(slashes))
    run = order - np.maximum.accumulate(np.where(starts, order, 0))
    escaping = slashes[run % 2 == 0]
    escaped |= np.isin(at, escaping + 1, assume_unique=True)
    return escaped, bool(escaping[-1] == size - 1)
