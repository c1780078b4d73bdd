"""What a file of findings holds, and how it is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Context: TypeAlias = "Mapping[str, str]"

# A finding may be this long at most, in bytes; ASFF itself ends at 240 kB.
MAX_BYTES = 1 << 20
# JSON may nest this deep at most; findings nest to about ten.
MAX_DEPTH = 100
# Of what cannot be read, so much is kept to be looked at.
MAX_EXCERPT = 2000
TRANSFER_AGAIN = (
    "Make or transfer the file again; what came before has been imported, and importing it again "
    "is harmless"
)
MEND = (
    "Mend the file there, or make it again; what came before has been imported, and importing it "
    "again is harmless"
)


class Refused(ValueError):
    """The file cannot be read on from here; everything before `offset` has been read.

    `offset` counts bytes from 0, after unpacking where `is_packed`.
    """

    def __init__(self, offset: int, problem: str, remedy: str) -> None:
        self.offset = offset
        self.problem = problem
        self.remedy = remedy
        self.is_packed = False
        super().__init__(offset, problem, remedy)

    def __str__(self) -> str:
        place = " (unpacked)" if self.is_packed else ""
        return f"Byte {self.offset:,}{place}: {self.problem}. {self.remedy}."


class Found(NamedTuple):
    """One finding as it stands in the file; the offset is that of the JSON object around it.

    `context` is what its reader has to know besides, such as the ARN of the analyzer. (A tuple is
    made twice as quickly as a frozen dataclass, and there are as many as findings.)
    """

    offset: int
    raw: Mapping[str, Any]
    context: Context


class Unread(NamedTuple):
    """A piece of the file that is no finding, though the rest can be read on; `excerpt` begins it."""

    offset: int
    problem: str
    excerpt: str


Entry: TypeAlias = Found | Unread


def unread(offset: int, problem: str, piece: bytes) -> Unread:
    """Return an Unread with the beginning of the piece."""
    return Unread(offset, problem, piece[:MAX_EXCERPT].decode("utf-8", "replace"))
