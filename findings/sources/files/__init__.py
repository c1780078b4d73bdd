"""Files of findings, read as a stream: ASFF, OCSF and Access Analyzer JSON, packed or not.

A file may be one object, a list, an envelope ({"Findings": [...]}, an EventBridge event), one object
a line (NDJSON), or objects one after the other. Memory is that of a chunk and one finding.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

from findings.sources.files.lines import by_lines, is_by_lines
from findings.sources.files.openings import text_of
from findings.sources.files.pieces import cut
from findings.sources.files.records import MAX_BYTES, Context, Entry, Found, Refused, Unread

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Entry", "Found", "Refused", "Unread", "read_file"]


def read_file(stream: BinaryIO, *, context: Context | None = None) -> Iterator[Entry]:
    """Yield the findings of a file in their order; whether they make sense is not looked at.

    `context` is what the file does not say: `analyzer_arn` for exports of Access Analyzer.

    :raises Refused: it is not such a file, or it breaks off or goes wrong at some byte; what was
        yielded before stands
    """
    chunks, is_packed = text_of(stream)
    head = b""
    # Enough to tell lines from anything else.
    while head.strip().count(b"\n") < 2 and len(head) <= MAX_BYTES:
        chunk = next(chunks, b"")
        if not chunk:
            break
        head += chunk
    known, whole = context or {}, chain([head], chunks)
    try:
        yield from by_lines(whole, known) if is_by_lines(head) else cut(whole, known)
    except Refused as e:
        e.is_packed = e.is_packed or is_packed
        raise
