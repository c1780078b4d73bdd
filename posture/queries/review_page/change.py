"""Why the score of a frozen week moved."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from posture.kpis.snapshots import CauseEntry, ChangeBlock
from posture.queries.review_page import marks

# The parts in their order, as (field, name, what it is).
PARTS: Final = (
    ("exits", "Exits", "accounts and controls that no longer count"),
    ("posture", "Posture", "work done on what counted in both weeks"),
    ("entries", "Entries", "accounts and controls that began to count"),
    ("exceptions", "Exceptions", "granted or ended"),
)
_NAMES: Final = {field: name for field, name, _ in PARTS}
_CAUSES_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class CauseView:
    entry: CauseEntry

    @property
    def part_name(self) -> str:
        return _NAMES.get(self.entry.part, self.entry.part)

    @property
    def points_text(self) -> str:
        return marks.signed(self.entry.points)

    @property
    def text(self) -> str:
        """ "account joined: novalytics-prod"."""
        return ": ".join(filter(None, (self.entry.cause, self.entry.name)))


@dataclass(frozen=True, slots=True)
class ChangeView:
    """The split of the change; `causes` are the strongest, `causes_left` how many more there are."""

    block: ChangeBlock
    causes: tuple[CauseView, ...]
    causes_left: int

    @property
    def rows(self) -> tuple[tuple[str, Decimal, str], ...]:
        """(part, points, its strongest cause), as the waterfall takes them."""
        return tuple(
            (name, getattr(self.block, field), self._strongest(field) or what)
            for field, name, what in PARTS
        )

    def _strongest(self, part: str) -> str:
        return next((one.text for one in self.causes if one.entry.part == part), "")


def change_view(block: ChangeBlock | None) -> ChangeView | None:
    """None: there was no earlier day to compare with."""
    if block is None:
        return None
    told = sorted(block.causes, key=lambda one: -abs(one.points))
    shown = tuple(CauseView(one) for one in told[:_CAUSES_SHOWN])
    return ChangeView(block, shown, max(0, len(told) - _CAUSES_SHOWN))
