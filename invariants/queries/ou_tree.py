"""Coverage over the tree of OUs as a drawing: who stands where, how wide, and in which state.

Below an OU stand its children, and then those of its own accounts that are not as the OU is: nothing
that is missing hides behind a large OU in which most holds.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from invariants.models import Coverage
from invariants.queries.counts import ORDER
from invariants.queries.coverage import OuCounts

State = Coverage.State
# What a cell looks like that is in one state alone.
_LOOKS: Final[Mapping[str, str]] = {
    State.ENFORCED: "inherited",
    State.CARVED_OUT: "carved",
    State.EXCEPTED: "exempt",
    State.MISSING: "gap",
    State.BROKEN: "broken",
    State.UNKNOWN: "unknown",
    State.NOT_ENFORCEABLE: "none",
    State.NOT_APPLICABLE: "none",
}
# Of an OU above all attachments, below which it holds somewhere.
ABOVE: Final = "root"
_SAID: Final = {state: str(state.label) for state in ORDER}


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of the tree: `x` and `width` in percent of the drawing, `row` from the top.

    `look` is how it is drawn, `said` the sentence for who does not see it. `states` are those that its
    accounts are narrowed to, () for all.
    """

    name: str
    note: str
    said: str
    look: str
    ou_id: str
    states: tuple[str, ...]
    row: int
    x: float
    width: float


def cells(ous: Iterable[OuCounts], *, is_known: bool = True) -> tuple[Cell, ...]:
    """The drawing of the OUs, parents before children; without those that have no account.

    :param is_known: whether all attachments are told; else every OU counts as below one.
    """
    found = [ou for ou in ous if ou.counts.total]
    known = {ou.ou_id for ou in found}
    children: dict[str, list[OuCounts]] = defaultdict(list)
    reached: set[str] = set()
    for ou in found:
        # Whoever sees only some OUs sees several trees.
        children[ou.parent_id if ou.parent_id in known else ""].append(ou)
        if ou.is_attached or ou.parent_id in reached or not is_known:
            reached.add(ou.ou_id)
    everything = sum(ou.counts.total for ou in children[""])
    drawing = _Drawing(children, frozenset(reached), 100 / (everything or 1))
    return tuple(drawing.below("", 0, 0.0))


@dataclass(frozen=True, slots=True)
class _Drawing:
    """`reached` are the OUs at or below an attachment, `each` the width of one account in percent."""

    children: Mapping[str, list[OuCounts]]
    reached: frozenset[str]
    each: float

    def below(self, parent: str, row: int, x: float) -> Iterator[Cell]:
        for ou in self.children.get(parent, ()):
            yield self._of_ou(ou, row, x)
            yield from self.below(ou.ou_id, row + 1, x)
            inside = sum(child.counts.total for child in self.children.get(ou.ou_id, ()))
            yield from self._of_accounts(ou, row + 1, x + inside * self.each)
            x += ou.counts.total * self.each

    def _of_ou(self, ou: OuCounts, row: int, x: float) -> Cell:
        look = self._look(ou)
        said = f"{ou.name}: {_accounts(ou.counts.total)}, {ou.counts.said}"
        return Cell(
            name=ou.name,
            note=_note(ou, look),
            said=f"{said}; attached here" if ou.is_attached else said,
            look=look,
            ou_id=ou.ou_id,
            states=(),
            row=row,
            x=x,
            width=ou.counts.total * self.each,
        )

    def _look(self, ou: OuCounts) -> str:
        states = [state for state in ORDER if ou.counts.of(state)]
        looks = {_LOOKS[state] for state in states if _LOOKS[state] != "none"} or {"none"}
        is_above = ou.ou_id not in self.reached
        if looks <= {"inherited", "carved"} and not is_above:
            if looks == {"carved"}:
                return "carved"
            return "enforced" if ou.is_attached else "inherited"
        if is_above and looks & {"inherited", "carved"}:
            return ABOVE
        return looks.pop() if len(looks) == 1 else "mixed"

    def _of_accounts(self, ou: OuCounts, row: int, x: float) -> Iterator[Cell]:
        """The accounts right in the OU by state, where they are not all as the whole OU is."""
        look = self._look(ou)
        states = [state for state in ORDER if ou.own.of(state)]
        if look not in ("mixed", ABOVE, "enforced"):
            return
        if look != ABOVE and len(states) == 1 and ou.own.total == ou.counts.total:
            return
        for state in states:
            accounts = ou.own.of(state)
            looks = _LOOKS[state]
            # Nothing above them does it: the policy is attached to the accounts themselves.
            is_own = look == ABOVE and looks == "inherited"
            yield Cell(
                name=_SAID[state],
                note=f"{accounts:,}",
                said=f"Right in {ou.name}: {_accounts(accounts)} {_SAID[state]}",
                look="enforced" if is_own else looks,
                ou_id=ou.ou_id,
                states=(state.value,),
                row=row,
                x=x,
                width=accounts * self.each,
            )
            x += accounts * self.each


def _note(ou: OuCounts, look: str) -> str:
    counts = ou.counts
    if look == ABOVE:
        return f"{_accounts(counts.total)} · not attached"
    number = f"{counts.total:,}"
    if counts.in_scope and counts.protected < counts.total:
        number = f"{counts.protected:,} of {counts.in_scope:,}"
    return f"attached here · {number}" if ou.is_attached else number


def _accounts(number: int) -> str:
    return f"{number:,} account{'' if number == 1 else 's'}"
