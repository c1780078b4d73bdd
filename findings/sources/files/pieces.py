"""Cuts JSON of any size into its findings: single objects, lists, and lists within an envelope."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Final

import orjson

from findings.normalise import reader
from findings.sources.files.brackets import Brackets, State, depth_of, scan
from findings.sources.files.records import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_EXCERPT,
    MEND,
    TRANSFER_AGAIN,
    Context,
    Entry,
    Found,
    Refused,
    unread,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

# The list in {"Findings": [...]} (BatchImportFindings, GetFindings), {"findings": [...]} (Access
# Analyzer), and in the detail of an EventBridge event.
_LIST = re.compile(rb'"[Ff]indings"\s*:\s*\[')
_DETAIL = re.compile(rb'"detail"\s*:\s*\Z')
_SHOWN: Final = 40
_TOO_LONG: Final = f"It is longer than {MAX_BYTES // 1024} kB"


def findings_in(
    piece: bytes, offset: int, context: Context, *, is_shallow: bool = False
) -> list[Entry]:
    """Return the findings of one JSON text, each as far as it is an object.

    `is_shallow`: it is known not to nest too deep.

    :raises ValueError: it is not JSON
    """
    if not is_shallow and _is_too_deep(piece):
        return [unread(offset, f"It nests more than {MAX_DEPTH} deep", piece)]
    document = _parsed(piece)
    if isinstance(document, dict) and reader.is_bare(document):
        return [Found(offset, document, context)]
    return [
        Found(offset, raw, known)
        if isinstance(raw, dict)
        else unread(offset, "It is no JSON object", piece)
        for raw, known in reader.entries(document, context)
    ]


def cut(chunks: Iterator[bytes], context: Context) -> Iterator[Entry]:
    """Yield the findings of a stream, in memory for one finding and a chunk.

    :raises Refused: at the first thing that is not as it should be
    """
    return _Cutter(chunks, context).run()


def misread(piece: bytes, offset: int, error: ValueError) -> tuple[int, str]:
    """Return where exactly in the file a piece is not JSON, and what is wrong there."""
    if isinstance(error, Refused):
        return error.offset, error.problem
    if not isinstance(error, json.JSONDecodeError):
        return offset, str(error)
    before = piece.decode("utf-8", "replace")[: error.pos].encode()
    return offset + min(len(before), len(piece)), error.msg


def _is_too_deep(piece: bytes) -> bool:
    return piece.count(b"{") + piece.count(b"[") > MAX_DEPTH and depth_of(piece) > MAX_DEPTH


def _parsed(piece: bytes) -> Any:
    try:
        return orjson.loads(piece)
    except orjson.JSONDecodeError as e:
        # Python's own reader takes what is grammatical and yet no Unicode: half a surrogate pair.
        try:
            return json.loads(piece)
        except ValueError:
            raise e from None


class _Cutter:
    """Keeps the unfinished rest of the text, and at which level the findings stand.

    Level 0 is the file itself; within a list it is that of the list's items.
    """

    def __init__(self, chunks: Iterator[bytes], context: Context) -> None:
        self._chunks, self._context = chunks, context
        self._data = b""
        self._offset = 0  # of _data in the file
        self._state = State()  # at the beginning of _data
        self._level = 0
        self._done = 0  # up to where _data has been dealt with
        self._begin = -1  # in _data, of the value that has not ended yet
        self._resumes = False  # _data begins with such a value
        self._has_items = False  # of the list that is being read
        self._is_skipping = False  # until the value around closes at _level
        self._overlong: tuple[int, bytes] | None = None  # where it begins, and its beginning
        self._is_empty = True
        self._deepest = -1  # level in _data

    def run(self) -> Iterator[Entry]:
        for chunk in self._chunks:
            self._data += chunk
            self._done, self._begin = 0, -1
            brackets = scan(self._data, self._state)
            self._deepest = brackets.deepest
            # Each turn ends where the level changes.
            while (yield from self._skip(brackets) if self._is_skipping else self._pass(brackets)):
                pass
            self._keep(brackets)
        self._end()

    def _skip(self, brackets: Brackets) -> Generator[Entry, None, bool]:
        positions, levels, kinds = brackets.within(self._level)
        for index in range(bisect_left(positions, self._done), len(positions)):
            if levels[index] == self._level and not kinds[index]:
                self._done = positions[index] + 1
                self._is_skipping = False
                if self._overlong is not None:
                    offset, piece = self._overlong
                    self._overlong, self._has_items = None, True
                    yield unread(offset, _TOO_LONG, piece)
                return True
        return False

    def _pass(self, brackets: Brackets) -> Generator[Entry, None, bool]:
        positions, levels, kinds = brackets.within(self._level)
        for index in range(bisect_left(positions, self._done), len(positions)):
            at = positions[index]
            if levels[index] < self._level:
                self._leave(at)
                return True
            if kinds[index]:
                self._check_gap(at)
                self._begin = at
                if self._level == 0 and self._enter(brackets, at):
                    return True
            else:
                yield from self._piece(at + 1)
        return False

    def _piece(self, end: int) -> Iterator[Entry]:
        piece, offset = self._data[self._begin : end], self._offset + self._begin
        self._begin, self._done, self._has_items = -1, end, True
        if len(piece) > MAX_BYTES:
            yield unread(offset, _TOO_LONG, piece)
            return
        try:
            is_shallow = self._deepest - self._level < MAX_DEPTH
            yield from findings_in(piece, offset, self._context, is_shallow=is_shallow)
        except ValueError as e:
            where, problem = misread(piece, offset, e)
            raise Refused(where, f"this is not JSON ({problem})", MEND) from e

    def _enter(self, brackets: Brackets, at: int) -> bool:
        """Go into the list that begins here, or that is within the envelope that begins here."""
        self._is_empty = False
        if self._data[at : at + 1] == b"[":
            self._level, self._done = 1, at + 1
        elif found := self._list_within(brackets, at):
            self._level, self._done = found
        else:
            return False
        self._begin, self._has_items = -1, False
        return True

    def _list_within(self, brackets: Brackets, begin: int) -> tuple[int, int] | None:
        """Return the level of the items of an envelope's list and where the first may begin."""
        positions, _, _ = brackets.within(0)
        index = bisect_left(positions, begin) + 1
        end = positions[index] if index < len(positions) else len(self._data)
        for found in _LIST.finditer(self._data, begin, end):
            level = brackets.level_at(found.end() - 1)
            if level == 1 or (level == 2 and self._is_detail(brackets, found.start())):
                return level + 1, found.end()
        return None

    def _is_detail(self, brackets: Brackets, position: int) -> bool:
        positions, _, _ = brackets.within(1)
        holder = positions[bisect_left(positions, position) - 1]
        before = self._data[max(0, holder - _SHOWN) : holder]
        return _DETAIL.search(before) is not None

    def _leave(self, at: int) -> None:
        if self._level == 0 or self._data[at : at + 1] != b"]":
            # What stands before it was wrong first, however much of the file is read at once.
            gap = self._data[self._done : at].strip()
            if self._level == 0 and gap:
                self._refuse_gap(gap, at)
            raise Refused(self._offset + at, f"{_shown(self._data[at:])} has no beginning", MEND)
        gap = self._data[self._done : at].strip()
        if gap:
            self._refuse_gap(gap, at)
        # What else stands in an envelope is of no interest.
        self._is_skipping = self._level > 1
        self._level, self._done = 0, at + 1

    def _check_gap(self, at: int) -> None:
        if self._resumes:
            self._resumes = False
            return
        gap = self._data[self._done : at].strip()
        if gap != (b"," if self._level and self._has_items else b""):
            self._refuse_gap(gap, at)

    def _refuse_gap(self, gap: bytes, at: int) -> None:
        if not gap:
            raise Refused(self._offset + at, "a comma is missing between two findings", MEND)
        wrong = gap.removeprefix(b",").strip() if self._has_items else gap
        start = self._data.index(wrong or gap, self._done)
        problem = f"{_shown(wrong or gap)} stands where a finding, a JSON object, should begin"
        raise Refused(self._offset + start, problem, MEND)

    def _keep(self, brackets: Brackets) -> None:
        """Keep of the chunk only what has not ended yet."""
        if self._begin >= 0 and len(self._data) - self._begin > MAX_BYTES:
            self._overlong = (self._offset + self._begin, self._data[self._begin :][:MAX_EXCERPT])
            self._is_skipping, self._resumes = True, False
        if self._is_skipping:
            self._drop(len(self._data), brackets.end)
        elif self._begin >= 0:
            self._drop(self._begin, State(depth=self._level))
            self._resumes = True
        else:
            gap = self._data[self._done :].strip()
            if gap and not (gap == b"," and self._level and self._has_items):
                self._refuse_gap(gap, len(self._data))
            self._drop(len(self._data) - len(gap), State(depth=self._level))
            self._data = gap

    def _drop(self, length: int, state: State) -> None:
        self._offset += length
        self._data, self._state = self._data[length:], state

    def _end(self) -> None:
        if self._resumes or self._overlong:
            begin = self._overlong[0] if self._overlong else self._offset
            raise Refused(
                begin, "the file ends within the finding that begins here", TRANSFER_AGAIN
            )
        if self._level or self._is_skipping:
            end = self._offset + len(self._data)
            raise Refused(end, "the file ends before its list of findings does", TRANSFER_AGAIN)
        if self._is_empty:
            raise Refused(self._offset, "the file holds no JSON", TRANSFER_AGAIN)


def _shown(text: bytes) -> str:
    return repr(text[:_SHOWN].decode("utf-8", "replace"))
