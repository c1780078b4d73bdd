"""Two texts as lines that went, came and stayed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Final

# Around what changed; the rest is only counted.
_AROUND: Final = 4
# A gap of fewer lines is shown: saying that it is hidden takes as much room.
_LEAST_HIDDEN: Final = 3


@dataclass(frozen=True, slots=True)
class Line:
    """`sign` is "-", "+" or " "; `number` counts all lines, those that are folded as well; `hidden` is how
    many equal lines stand for this one, else 0."""

    sign: str
    text: str
    number: int = 0
    hidden: int = 0

    @property
    def css(self) -> str:
        return {"-": "del", "+": "add"}.get(self.sign, "")

    @property
    def said(self) -> str:
        """For who hears the page: the sign is not only a colour."""
        return {"-": "removed: ", "+": "added: "}.get(self.sign, "")


def diff(before: str, after: str, *, is_whole: bool = False) -> tuple[Line, ...]:
    """The lines of both in order; a comma at the end makes no difference, as it moves with its neighbours.

    Long stretches without a change are folded unless `is_whole`.
    """
    found = _lines(before.splitlines(), after.splitlines())
    lines = [replace(line, number=number) for number, line in enumerate(found, start=1)]
    return tuple(lines if is_whole else _folded(lines))


def counts(lines: tuple[Line, ...]) -> tuple[int, int]:
    """How many lines went and came."""
    signs = [line.sign for line in lines]
    return signs.count("-"), signs.count("+")


def _lines(before: list[str], after: list[str]) -> Iterator[Line]:
    plain_before = [line.rstrip(",") for line in before]
    plain_after = [line.rstrip(",") for line in after]
    matcher = SequenceMatcher(None, plain_before, plain_after, autojunk=False)
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        if tag == "equal":
            yield from (Line(" ", line) for line in after[other_start:other_end])
        else:
            yield from (Line("-", line) for line in before[start:end])
            yield from (Line("+", line) for line in after[other_start:other_end])


def _folded(lines: list[Line]) -> Iterator[Line]:
    changed = [number for number, line in enumerate(lines) if line.sign != " "]
    near = {number for at in changed for number in range(at - _AROUND, at + _AROUND + 1)} or set(
        range(len(lines))
    )
    hidden: list[Line] = []
    for number, line in enumerate(lines):
        if number in near:
            yield from _fold(hidden)
            hidden = []
            yield line
        else:
            hidden.append(line)
    yield from _fold(hidden)


def _fold(hidden: list[Line]) -> Iterator[Line]:
    if len(hidden) < _LEAST_HIDDEN:
        yield from hidden
    else:
        yield Line(" ", "", hidden[0].number, hidden=len(hidden))
