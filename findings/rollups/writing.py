"""One writer of counts at a time, and rows written by COPY."""

from collections.abc import Iterable
from functools import cache
from typing import Final, TypeAlias

import numpy as np
from django.db import connection
from numpy.typing import NDArray

Rows: TypeAlias = NDArray[np.void]
Numbers: TypeAlias = NDArray[np.int64]

_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END: Final = b"\xff\xff"


def one_at_a_time() -> None:
    """Wait until no other transaction counts: sums are changed by adding to what stands there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('findings.rollups'))")


@cache
def _layout(columns: tuple[tuple[str, int], ...]) -> "np.dtype[np.void]":
    """How COPY BINARY lays out a row of integers, by the bytes of each."""
    parts: list[tuple[str, str]] = [("fields", ">i2")]
    for name, size in columns:
        parts += [(f"{name}_size", ">i4"), (name, f">i{size}")]
    return np.dtype(parts)


def rows_of(columns: "dict[str, int]", length: int) -> Rows:
    """Rows of integers to fill in, ready to be written."""
    rows = np.zeros(length, _layout(tuple(columns.items())))
    rows["fields"] = len(columns)
    for name, size in columns.items():
        rows[f"{name}_size"] = size
    return rows


def write(table: str, names: str, blocks: Iterable[Rows]) -> int:
    """Append the rows to the table; returns how many."""
    written = 0
    statement = f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(_SIGNATURE)
        for block in blocks:
            copy.write(block.tobytes())
            written += len(block)
        copy.write(_END)
    return written
