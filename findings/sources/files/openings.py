"""How a file begins: packed or plain, in which encoding, and what is not JSON at all."""

from __future__ import annotations

import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Final

from findings.sources.files.records import TRANSFER_AGAIN, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHUNK: Final = 256 * 1024
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
# Some services pack what is packed already.
_MAX_PACKED: Final = 2
# Findings pack to a tenth or a thirtieth; what grows more than this is there to fill a disk.
MAX_RATIO: Final = 300
_RATIO_FROM: Final = 64 * 1024 * 1024

_NOT_JSON: Final[Mapping[bytes, tuple[str, str]]] = {
    b"PK\x03\x04": ("it is a ZIP archive", "Unpack it, and import the files in it"),
    _GZIP: ("it is packed over and over", "Unpack it first: gunzip FILE"),
    b"BZh": ("it is packed with bzip2", "Unpack it first: bunzip2 FILE"),
    b"\xfd7zXZ": ("it is packed with xz", "Unpack it first: unxz FILE"),
    b"\x28\xb5\x2f\xfd": ("it is packed with Zstandard", "Unpack it first: unzstd FILE"),
    b"\xff\xfe": ("it is UTF-16", "Convert it first: iconv -f UTF-16 -t UTF-8 FILE"),
    b"\xfe\xff": ("it is UTF-16", "Convert it first: iconv -f UTF-16 -t UTF-8 FILE"),
    b"<": ("it is HTML or XML", "Export the findings as JSON"),
    b"PAR1": ("it is Parquet", "Export the findings as JSON"),
}


def text_of(stream: BinaryIO) -> tuple[Iterator[bytes], bool]:
    """Return the file's text in chunks, unpacked and without its byte order mark, and whether it
    was packed.

    :raises Refused: it is not what it should be, or ends too early
    """
    chunks = _read(stream)
    first = _first(chunks)
    times = 0
    while first.startswith(_GZIP) and times < _MAX_PACKED:
        chunks = _unpacked(_joined(first, chunks))
        first = _first(chunks)
        times += 1
    _refuse_others(first)
    # The mark stays in the offsets, as spaces.
    if first.startswith(_BOM):
        first = b"   " + first[3:]
    return _joined(first, chunks), times > 0


def _read(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk


def _first(chunks: Iterator[bytes]) -> bytes:
    """The first bytes of a stream that may come in drops."""
    first = b""
    while len(first) < 8 and (chunk := next(chunks, b"")):
        first += chunk
    return first


def _joined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _refuse_others(first: bytes) -> None:
    remedy = "Findings are imported from ASFF, OCSF or Access Analyzer JSON"
    if not first:
        raise Refused(0, "the file is empty", remedy)
    for magic, (problem, what_to_do) in _NOT_JSON.items():
        if first.startswith(magic):
            raise Refused(0, problem, what_to_do)
    if b"\0" in first[:4]:
        raise Refused(0, "it is no UTF-8 text", remedy)


def _unpacked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what was packed, member after member, never more than a chunk at a time."""
    packed = unpacked = 0
    inflater: zlib._Decompress | None = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        packed += len(chunk)
        data = chunk
        # Zeros fill the last block on some media.
        while data := (data if inflater else data.lstrip(b"\0")):
            inflater = inflater or zlib.decompressobj(wbits=31)
            piece, problem = _inflated(inflater, data)
            unpacked += len(piece)
            if piece:
                yield piece
            if problem:
                raise _damaged(unpacked, problem)
            if unpacked > max(_RATIO_FROM, packed * MAX_RATIO):
                remedy = f"Unpack it first if you trust it: gunzip FILE (over {MAX_RATIO} times)"
                raise _packed(unpacked, "the packed file grows beyond all measure", remedy)
            is_ended = inflater.eof
            data = inflater.unused_data if is_ended else inflater.unconsumed_tail
            inflater = None if is_ended else inflater
    if inflater:
        if rest := inflater.flush():
            unpacked += len(rest)
            yield rest
        raise _damaged(unpacked, "it ends too early")


def _inflated(inflater: zlib._Decompress, data: bytes) -> tuple[bytes, str]:
    """Return what came out, and what is wrong with the rest or ""."""
    before = inflater.copy()
    try:
        return inflater.decompress(data, CHUNK), ""
    except zlib.error as e:
        return _salvaged(before, data), str(e)


def _salvaged(inflater: zlib._Decompress, data: bytes) -> bytes:
    """Return what stands before the damage."""
    pieces = bytearray()
    with suppress(zlib.error):
        for index in range(len(data)):
            pieces += inflater.decompress(data[index : index + 1])
    return bytes(pieces)


def _damaged(offset: int, problem: str) -> Refused:
    return _packed(offset, f"the packed (gzip) file is damaged: {problem}", TRANSFER_AGAIN)


def _packed(offset: int, problem: str, remedy: str) -> Refused:
    refusal = Refused(offset, problem, remedy)
    refusal.is_packed = True
    return refusal
