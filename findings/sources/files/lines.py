"""Findings line by line (NDJSON), where a bad line spoils no other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Final

from findings.sources.files.brackets import State, openings_in, scan
from findings.sources.files.pieces import cut, findings_in, misread
from findings.sources.files.records import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_EXCERPT,
    MEND,
    Context,
    Entry,
    Refused,
    unread,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

# So many bad lines in a row are no accident: the file holds something else.
MAX_BAD_LINES: Final = 100
_SEAM: Final = re.compile(rb"\}\s*\{")


def is_by_lines(head: bytes) -> bool:
    """Say whether a file that begins so has a JSON object on each line, maybe a broken one."""
    lines = [line.strip() for line in head.split(b"\n")]
    first, *rest = [line for line in lines if line] or [b""]
    if not first.startswith(b"{") or not rest:
        return False
    if _is_object(first):
        return True
    return scan(first, State()).end.depth == 0 and len(rest) > 1 and _is_object(rest[0])


def by_lines(chunks: Iterator[bytes], context: Context) -> Iterator[Entry]:
    """Yield the findings of a file of lines; what is bad comes as Unread, and reading goes on.

    :raises Refused: it ends within a line, or nothing but bad lines comes
    """
    bad: list[int] = []
    for block in _blocks(chunks):
        following = block.offset
        for line in block.lines:
            offset, following = following, following + len(line) + 1
            if not line or line.isspace():
                continue
            try:
                entries = _findings(line, offset, context, is_shallow=block.is_shallow)
            except ValueError as e:
                if not block.is_ended:
                    yield from _cut(line, offset, context)
                    return
                bad.append(offset)
                yield _bad_line(line, bad, e)
            else:
                bad.clear()
                yield from entries


def _bad_line(line: bytes, bad: list[int], error: ValueError) -> Entry:
    """Return what is told of a bad line; `bad` are those in a row, this one the last.

    :raises Refused: there are too many
    """
    if len(bad) > MAX_BAD_LINES:
        problem = f"this line and the {MAX_BAD_LINES} after it are not JSON"
        raise Refused(bad[0], problem, MEND) from error
    _, problem = misread(line, bad[-1], error)
    return unread(bad[-1], f"The line is not JSON ({problem})", line)


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines that follow each other, without their breaks; the first is at `offset` of the file.

    `is_shallow`: none of them can nest too deep. `is_ended`: a line break ends the last one.
    """

    offset: int
    lines: list[bytes]
    is_shallow: bool = False
    is_ended: bool = True


def _blocks(chunks: Iterator[bytes]) -> Iterator[_Block]:
    """Yield the lines of each chunk; of an overlong line only the beginning."""
    offset, rest, dropped = 0, b"", 0
    for chunk in chunks:
        text = rest + chunk
        lines, rest = _split(text)
        if dropped and lines:
            yield _Block(offset, lines[:1])
            offset += len(lines.pop(0)) + dropped + 1
            dropped = 0
        if lines:
            yield _Block(offset, lines, is_shallow=_is_shallow(text, lines))
            offset += sum(map(len, lines)) + len(lines)
        if len(rest) > MAX_BYTES + MAX_EXCERPT:
            # One byte more than is allowed marks it.
            dropped += len(rest) - MAX_BYTES - 1
            rest = rest[: MAX_BYTES + 1]
    if rest:
        yield _Block(offset, [rest], is_ended=False)


def _split(text: bytes) -> tuple[list[bytes], bytes]:
    """Return the lines that have ended and the rest, as bytes.split would at many times the cost."""
    *lines, rest = [*BytesIO(text).readlines(), b""] if text.endswith(b"\n") else BytesIO(text)
    return [line[:-1] for line in lines], rest


def _is_shallow(text: bytes, lines: list[bytes]) -> bool:
    """Say whether no line can nest too deep, because none has so many brackets; False = perhaps.

    A look at a whole chunk costs less than half of a look at each line.
    """
    at = openings_in(text)
    # From one bracket to the last of as many after it as would be too deep.
    spans = at[MAX_DEPTH:] - at[:-MAX_DEPTH]
    return not len(spans) or int(spans.min()) >= max(map(len, lines))


def _findings(line: bytes, offset: int, context: Context, *, is_shallow: bool) -> list[Entry]:
    if len(line) > MAX_BYTES:
        return [unread(offset, f"The line is longer than {MAX_BYTES // 1024} kB", line)]
    try:
        return findings_in(line, offset, context, is_shallow=is_shallow)
    except ValueError:
        # Several objects on one line, as Firehose delivers them?
        if _SEAM.search(line) is None:
            raise
        return list(_cut(line, offset, context))


def _cut(line: bytes, offset: int, context: Context) -> Iterator[Entry]:
    """Yield the findings of a line that is not one JSON text, as far as they go.

    :raises Refused: where they end
    """
    try:
        for entry in cut(iter([line]), context):
            yield entry._replace(offset=entry.offset + offset)
    except Refused as e:
        raise Refused(e.offset + offset, e.problem, e.remedy) from e


def _is_object(line: bytes) -> bool:
    try:
        findings_in(line, 0, {})
    except ValueError:
        return False
    return line.startswith(b"{")
