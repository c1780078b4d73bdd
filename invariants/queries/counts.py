"""How many accounts are in each state of an invariant: what every page, sum and export counts in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Self

from invariants.models import Coverage
from invariants.models.coverage import COUNTS

# In the order in which they are drawn: what holds, what is let go, what is wrong, what is not known,
# and what no policy can reach.
ORDER: Final = (
    Coverage.State.ENFORCED,
    Coverage.State.CARVED_OUT,
    Coverage.State.EXCEPTED,
    Coverage.State.MISSING,
    Coverage.State.BROKEN,
    Coverage.State.UNKNOWN,
    Coverage.State.NOT_ENFORCEABLE,
    Coverage.State.NOT_APPLICABLE,
)

_TROUBLES: Final = (
    Coverage.State.BROKEN,
    Coverage.State.MISSING,
    Coverage.State.EXCEPTED,
    Coverage.State.CARVED_OUT,
    Coverage.State.UNKNOWN,
)
_SHORT: Final = {Coverage.State.CARVED_OUT: "with carve-out"}
_LOOKS: Final = {
    Coverage.State.ENFORCED: "enf",
    Coverage.State.CARVED_OUT: "crv",
    Coverage.State.EXCEPTED: "exm",
    Coverage.State.MISSING: "gap",
    Coverage.State.BROKEN: "bad",
    Coverage.State.UNKNOWN: "unk",
    Coverage.State.NOT_ENFORCEABLE: "none",
    Coverage.State.NOT_APPLICABLE: "none",
}


@dataclass(frozen=True, slots=True)
class Counts:
    """Accounts by state; of several invariants, pairs of an account and an invariant."""

    enforced: int = 0
    carved_out: int = 0
    excepted: int = 0
    missing: int = 0
    broken: int = 0
    unknown: int = 0
    not_enforceable: int = 0
    not_applicable: int = 0

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Self:
        """From a row with a column for each state, such as one of OuCoverage."""
        return cls(**{field.name: row[field.name] or 0 for field in fields(cls)})

    def of(self, state: str) -> int:
        count: int = getattr(self, COUNTS[Coverage.State(state)])
        return count

    @property
    def total(self) -> int:
        return self.in_scope + self.out_of_scope

    @property
    def in_scope(self) -> int:
        """Where it has to hold: what is not known is within, since it may be missing there."""
        return self.protected + self.excepted + self.missing + self.broken + self.unknown

    @property
    def out_of_scope(self) -> int:
        return self.not_enforceable + self.not_applicable

    @property
    def let_go(self) -> int:
        """Where an exception or a carve-out reaches the account."""
        return self.excepted + self.carved_out

    @property
    def protected(self) -> int:
        """Where it holds. An exception is none: an invariant is to be without."""
        return self.enforced + self.carved_out

    @property
    def open(self) -> int:
        """Where it does not hold though it has to."""
        return self.missing + self.broken

    @property
    def segments(self) -> tuple[tuple[str, int], ...]:
        """For a bar: the class of app.css and the count of each state, in their order."""
        return tuple((_LOOKS[state], self.of(state)) for state in ORDER)

    @property
    def said(self) -> str:
        """Every state that there is, in words: "46 enforced, 2 missing"."""
        found = [f"{self.of(state):,} {state.label}" for state in ORDER if self.of(state)]
        return ", ".join(found) or "not worked out yet"

    @property
    def troubles(self) -> str:
        """The states that ask for something, in words; "" where there are none."""
        found = [
            f"{self.of(state):,} {_SHORT.get(state, state.label)}"
            for state in _TROUBLES
            if self.of(state)
        ]
        return ", ".join(found)

    def __add__(self, other: "Counts") -> "Counts":
        names = (field.name for field in fields(self))
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in names})


def total(counts: Iterable[Counts]) -> Counts:
    return sum(counts, Counts())
