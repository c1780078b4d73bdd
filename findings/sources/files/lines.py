"""Findings line by line (NDJSON), where a bad line spoils no other."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from findings.sources.files.brackets import State, scan
from findings.sources.files.pieces import cut, findings_in, misread
from findings.sources.files.records import (
    MAX_BYTES,
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
    for offset, line, is_ended in _lines(chunks):
        try:
            entries = _findings(line, offset, context)
        except ValueError as e:
            if not is_ended:
                yield from _cut(line, offset, context)
                return
            bad.append(offset)
            if len(bad) > MAX_BAD_LINES:
                problem = f"this line and the {MAX_BAD_LINES} after it are not JSON"
                raise Refused(bad[0], problem, MEND) from e
            _, problem = misread(line, offset, e)
            entries = [unread(offset, f"The line is not JSON ({problem})", line)]
        else:
            bad.clear()
        yield from entries


def _lines(chunks: Iterator[bytes]) -> Iterator[tuple[int, bytes, bool]]:
    """Yield (offset, line, whether a line break ends it); of an overlong line only the beginning."""
    offset, rest, dropped = 0, b"", 0
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield offset, line, True
            offset += len(line) + dropped + 1
            dropped = 0
        if len(rest) > MAX_BYTES + MAX_EXCERPT:
            # One byte more than is allowed marks it.
            dropped += len(rest) - MAX_BYTES - 1
            rest = rest[: MAX_BYTES + 1]
    if rest.strip():
        yield offset, rest, False


def _findings(line: bytes, offset: int, context: Context) -> list[Entry]:
    if len(line) > MAX_BYTES:
        return [unread(offset, f"The line is longer than {MAX_BYTES // 1024} kB", line)]
    try:
        return list(findings_in(line, offset, context))
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
            yield replace(entry, offset=entry.offset + offset)
    except Refused as e:
        raise Refused(e.offset + offset, e.problem, e.remedy) from e


def _is_object(line: bytes) -> bool:
    try:
        list(findings_in(line, 0, {}))
    except ValueError:
        return False
    return line.startswith(b"{")
