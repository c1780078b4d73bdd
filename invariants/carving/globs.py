"""Names with * and ?, as policies write them: whether one stands for all that another does, or for some."""

from functools import lru_cache


def covers(wide: str, narrow: str) -> bool:
    """Whether everything that `narrow` stands for is something that `wide` stands for.

    A sure no is not promised: `a?` and `??` cover together what neither covers alone.
    """
    return _covers(wide, narrow)


@lru_cache(maxsize=65_536)
def _covers(wide: str, narrow: str) -> bool:
    reached = {0}
    for letter in narrow:
        reached = _open(wide, reached)
        if letter == "*":
            # Any text may stand here: only a star takes that.
            reached = {at for at in reached if wide[at : at + 1] == "*"}
        else:
            reached = {
                at if wide[at] == "*" else at + 1
                for at in reached
                if at < len(wide) and _takes(wide[at], letter)
            }
        if not reached:
            return False
    return len(wide) in _open(wide, reached)


def _open(pattern: str, places: set[int]) -> set[int]:
    """The places, and those behind stars that stand for nothing."""
    found = set(places)
    for at in places:
        here = at
        while here < len(pattern) and pattern[here] == "*":
            here += 1
            found.add(here)
    return found


def _takes(one: str, letter: str) -> bool:
    return one in ("*", "?") or one == letter


@lru_cache(maxsize=65_536)
def overlap(one: str, other: str) -> bool:
    """Whether some text fits both."""
    rows, columns = len(one), len(other)
    reached = [[False] * (columns + 1) for _ in range(rows + 1)]
    reached[0][0] = True
    for i in range(rows + 1):
        for j in range(columns + 1):
            if not reached[i][j]:
                continue
            left = one[i] if i < rows else ""
            right = other[j] if j < columns else ""
            if left == "*":
                reached[i + 1][j] = True
            if right == "*":
                reached[i][j + 1] = True
            if left and right:
                if left == "*":
                    reached[i][j + 1] = True
                if right == "*":
                    reached[i + 1][j] = True
                if left in ("?", right) or right == "?":
                    reached[i + 1][j + 1] = True
    return reached[rows][columns]


def is_pattern(text: str) -> bool:
    return "*" in text or "?" in text
