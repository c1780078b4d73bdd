"""Files of trails, read as a stream: {"Records": [...]} as CloudTrail writes it, lists, one record a line.

Packed (gzip) or not. Memory is that of a chunk and one record. A file may also hold EventBridge's
envelopes, whose `detail` is the record. Digests and Insights, which stand beside a trail's files, are
none of calls.
"""

from __future__ import annotations

import codecs
import json
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

CHUNK: Final = 256 * 1024
# CloudTrail's own limit of a record is 256 KB; the rest is room.
MAX_RECORD: Final = 1 << 20
# Trails pack to a tenth or a thirtieth; what grows more than this is there to fill a disk.
MAX_RATIO: Final = 300
_RATIO_FROM: Final = 64 << 20
_GZIP: Final = b"\x1f\x8b"
_ENDINGS: Final = (".json", ".json.gz", ".ndjson", ".ndjson.gz", ".jsonl", ".jsonl.gz")
_NOT_CALLS: Final = ("CloudTrail-Digest", "CloudTrail-Insight")
_HEAD: Final = re.compile(r'\{\s*"Records"\s*:\s*\[')
# What may go on to become such a head.
_HEAD_BEGUN: Final = re.compile(r'\{\s*("(R(e(c(o(r(d(s("\s*(:\s*)?)?)?)?)?)?)?)?)?)?\Z')
_SPACE: Final = re.compile(r"[\s,]*")
_AGAIN: Final = (
    "Copy the file again; what came before is counted, and importing it again is harmless"
)


class Refused(ValueError):
    """The file cannot be read on from `offset` (bytes from 0, unpacked); what came before was yielded."""

    def __init__(self, offset: int, problem: str, remedy: str = _AGAIN) -> None:
        self.offset = offset
        self.problem = problem
        super().__init__(f"Byte {offset:,}: {problem}. {remedy}.")


@dataclass(frozen=True, slots=True)
class Files:
    """What a path stands for; `skipped` are files beside it that hold no calls."""

    paths: tuple[Path, ...]
    skipped: int


def files_in(path: Path) -> Files:
    """Return the file, or all files of trails in a folder and below it, in the order of their names.

    :raises FileNotFoundError: there is nothing at this path
    """
    if not path.is_dir():
        if not path.exists():
            raise FileNotFoundError(path)
        return Files((path,), 0)
    found = sorted(one for one in path.rglob("*") if one.is_file())
    chosen = tuple(
        one
        for one in found
        if one.name.endswith(_ENDINGS) and not any(name in str(one) for name in _NOT_CALLS)
    )
    return Files(chosen, len(found) - len(chosen))


def read_records(stream: BinaryIO) -> Iterator[Mapping[str, Any]]:
    """Yield the records of a file in their order; whether they can be used is not looked at.

    :raises Refused: it is no such file, or it breaks off or goes wrong at some byte; what was
        yielded before stands
    """
    yield from _Reader(_unpacked(stream)).run()


class _Reader:
    """Keeps the text that has not been read yet, and where it begins in the file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._json = json.JSONDecoder(parse_constant=_no_constant)
        self._text = ""
        self._at = 0  # in _text
        self._offset = 0  # in bytes, of _text
        self._read = 0  # bytes of chunks
        self._is_ended = False
        self._in_list = False

    def run(self) -> Iterator[Mapping[str, Any]]:
        is_empty = True
        while self._skip_space():
            is_empty = False
            if self._enter_or_leave():
                continue
            yield self._record(self._value())
        if self._in_list:
            raise Refused(self._here, "the file ends before its list of records does")
        if is_empty:
            raise Refused(0, "the file is empty")

    @property
    def _here(self) -> int:
        return self._offset + len(self._text[: self._at].encode())

    def _more(self) -> bool:
        """Read on; False at the end of the file."""
        if self._is_ended:
            return False
        chunk = next(self._chunks, b"")
        self._is_ended = not chunk
        self._offset = self._here
        try:
            fresh = self._decode(chunk, self._is_ended)
        except UnicodeDecodeError as e:
            where = max(self._read + e.start, 0)
            raise Refused(where, "this is no UTF-8 text", "Import CloudTrail's own files") from e
        self._text, self._at = self._text[self._at :] + fresh, 0
        if self._read == 0:
            # The mark stays in the offsets, as spaces.
            self._text = "   " + self._text[1:] if self._text[:1] == "\ufeff" else self._text
        self._read += len(chunk)
        return not self._is_ended

    def _skip_space(self) -> bool:
        """Go to the next thing; False where there is none."""
        while True:
            found = _SPACE.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text):
                return True
            if not self._more() and self._at >= len(self._text):
                return False

    def _enter_or_leave(self) -> bool:
        """Go into a list, or out of one; False where a record begins."""
        if self._in_list:
            if self._text[self._at] != "]":
                return False
            self._in_list, self._at = False, self._at + 1
            self._leave_envelope()
            return True
        while _HEAD_BEGUN.match(self._text, self._at) and self._more():
            pass
        head = _HEAD.match(self._text, self._at)
        if head is None and self._text[self._at] != "[":
            return False
        self._in_list, self._at = True, head.end() if head else self._at + 1
        return True

    def _leave_envelope(self) -> None:
        """Behind the list nothing but the end of its object is expected."""
        if self._skip_space() and self._text[self._at] == "}":
            self._at += 1

    def _value(self) -> Any:
        if self._text[self._at] != "{":
            shown = self._text[self._at : self._at + 40]
            raise Refused(
                self._here,
                f"{shown!r} stands where a record, a JSON object, should begin",
                "Import CloudTrail's own files, or one record a line",
            )
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except (ValueError, RecursionError) as e:
                if len(self._text) - self._at > MAX_RECORD:
                    raise Refused(self._here, "no record ends within 1 MB of here") from e
                if not self._more():
                    raise self._broken() from e
            else:
                self._at = end
                return value

    def _broken(self) -> Refused:
        """What is wrong with the record that begins here, now that no more of it comes."""
        try:
            self._json.raw_decode(self._text, self._at)
        except json.JSONDecodeError as e:
            if e.pos < len(self._text.rstrip()) and not e.msg.startswith("Unterminated"):
                where = self._offset + len(self._text[: e.pos].encode())
                return Refused(where, f"this is not JSON ({e.msg})")
        except ValueError as e:
            return Refused(self._here, f"this is not JSON ({e})")
        except RecursionError:
            return Refused(self._here, "the record that begins here nests too deep")
        return Refused(self._here, "the file ends within the record that begins here")

    def _record(self, value: Any) -> Mapping[str, Any]:
        if isinstance(value, dict) and isinstance(value.get("detail"), dict):
            value = value["detail"]
        if isinstance(value, dict) and ("eventTime" in value or "eventID" in value):
            return value
        raise Refused(
            self._here,
            "the object that ends here is no record of CloudTrail (no eventTime, no eventID)",
            "Import CloudTrail's own files",
        )


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _unpacked(stream: BinaryIO) -> Iterator[bytes]:
    first = stream.read(CHUNK)
    if not first.startswith(_GZIP):
        while first:
            yield first
            first = stream.read(CHUNK)
        return
    yield from _inflated(stream, first)


def _inflated(stream: BinaryIO, chunk: bytes) -> Iterator[bytes]:
    """Unpack member after member, never more than a chunk at a time."""
    packed = unpacked = 0
    inflater: zlib._Decompress | None = zlib.decompressobj(wbits=31)
    while chunk:
        packed += len(chunk)
        # Zeros fill the last block on some media.
        while chunk := (chunk if inflater else chunk.lstrip(b"\0")):
            inflater = inflater or zlib.decompressobj(wbits=31)
            try:
                piece = inflater.decompress(chunk, CHUNK)
            except zlib.error as e:
                raise Refused(unpacked, f"the packed (gzip) file is damaged: {e}") from e
            unpacked += len(piece)
            if unpacked > max(_RATIO_FROM, packed * MAX_RATIO):
                raise Refused(unpacked, "the packed file grows beyond all measure")
            if piece:
                yield piece
            if inflater.eof:
                chunk, inflater = inflater.unused_data, None
            elif not (chunk := inflater.unconsumed_tail):
                break
        chunk = stream.read(CHUNK)
    if inflater is not None:
        if rest := inflater.flush():
            yield rest
        raise Refused(unpacked, "the packed (gzip) file ends too early")
