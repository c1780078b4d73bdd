"""The page of one change: its parts, their causes, and the cells behind them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from inventory.access import AnyUser
from inventory.models import OrganizationalUnit
from inventory.queries import tree
from posture import scoring
from posture.models import ScoreChange
from posture.queries import changes
from posture.queries.changes import Behind, CauseLine, CellMove, Split
from posture.scoring import Part

CAUSES_SHOWN: Final = 15
MAIN_SHOWN: Final = 6
# As people read it: what was done first, then what came and went.
LABELS: Final[Mapping[Part, str]] = {
    Part.EXITS: "Exits",
    Part.POSTURE: "Posture",
    Part.ENTRIES: "Entries",
    Part.EXCEPTIONS: "Exceptions",
}
NOTES: Final[Mapping[Part, str]] = {
    Part.EXITS: "cells that were evaluated then and are not any more",
    Part.POSTURE: "what was done in cells evaluated on both days",
    Part.ENTRIES: "cells that are evaluated now and were not then",
    Part.EXCEPTIONS: "exceptions granted or expired within cells",
}


@dataclass(frozen=True, slots=True)
class PartLine:
    """One part of a change; `points` with one decimal, `causes` the largest of `causes_total`."""

    part: Part
    label: str
    note: str
    points: Decimal
    cells: int
    causes: tuple[CauseLine, ...]
    causes_total: int

    @property
    def more(self) -> int:
        """Smaller causes that are not among `causes`."""
        return self.causes_total - len(self.causes)

    @property
    def main_cause(self) -> str:
        """The largest cause, in words; "" without one."""
        return words(self.causes[0].cause, self.causes[0].name) if self.causes else ""


@dataclass(frozen=True, slots=True)
class ChangeParts:
    """The parts of a change between the ends of two days; points with one decimal."""

    since: date
    until: date
    parts: tuple[PartLine, ...]
    total: Decimal

    @property
    def limit(self) -> Decimal:
        """The largest part, which fills its side of the bars."""
        return max((abs(part.points) for part in self.parts), default=Decimal(0)) or Decimal(1)

    @property
    def waterfall(self) -> tuple[tuple[str, Decimal, str], ...]:
        return tuple((part.label, part.points, part.main_cause) for part in self.parts)

    @property
    def main_causes(self) -> tuple[CauseLine, ...]:
        """The largest of all parts."""
        causes = (cause for part in self.parts for cause in part.causes)
        return tuple(sorted(causes, key=lambda cause: -abs(cause.points))[:MAIN_SHOWN])


@dataclass(frozen=True, slots=True)
class ChangePage:
    """`whole` and `split` are None where the OU had no score on one of the days.

    `behind` says which cells are listed, None: none were asked for.
    """

    name: str
    since: date
    until: date
    split: Split | None = None
    whole: ChangeParts | None = None
    behind: Behind | None = None
    cells: tuple[CellMove, ...] = ()
    next_cursor: str = ""
    previous_cursor: str = ""


def unit(user: AnyUser, ou_id: str) -> OrganizationalUnit | None:
    """The OU, None when there is none or the person may not see all of it. One query."""
    visible = OrganizationalUnit.objects.visible_to(user).select_related("organization")
    return visible.filter(ou_id=ou_id).first()


def change_page(
    user: AnyUser,
    ou: OrganizationalUnit,
    ends: tuple[date, date],
    *,
    behind: Behind | None,
    cursor_text: str,
) -> ChangePage:
    """The change between the ends of two days with a rollup. Five queries at most."""
    since, until = ends
    name = tree.shown_name(ou)
    split = changes.between(user, ou, since, until)
    if split is None:
        return ChangePage(name, since, until, behind=behind)
    whole = ChangeParts(
        since=split.since,
        until=split.until,
        parts=tuple(
            _part_line(part, getattr(split.change, part), split.of_part(part)) for part in LABELS
        ),
        total=scoring.one_decimal(split.change.total),
    )
    page = ChangePage(name, since, until, split, whole, behind)
    if behind is None:
        return page
    found = changes.cells(user, ou, split, behind, cursor_text=cursor_text)
    return replace(
        page,
        cells=found.rows,
        next_cursor=found.next_cursor,
        previous_cursor=found.previous_cursor,
    )


def kept(row: ScoreChange) -> ChangeParts:
    """The parts of a stored split, with those of its causes that were kept. No query."""
    causes = [
        CauseLine(
            Part(cause["part"]),
            cause["cause"],
            cause["name"],
            Decimal(cause["points"]),
            cause["cells"],
        )
        for cause in row.causes
    ]
    return ChangeParts(
        since=row.before,
        until=row.day,
        parts=tuple(
            _part_line(
                part, getattr(row, part), tuple(cause for cause in causes if cause.part is part)
            )
            for part in LABELS
        ),
        total=scoring.one_decimal(row.total),
    )


def _part_line(part: Part, points: Decimal, causes: tuple[CauseLine, ...]) -> PartLine:
    return PartLine(
        part=part,
        label=LABELS[part],
        note=NOTES[part],
        points=scoring.one_decimal(points),
        cells=sum(cause.cells for cause in causes),
        causes=causes[:CAUSES_SHOWN],
        causes_total=len(causes),
    )


def words(cause: str, name: str) -> str:
    """A cause for people: "control enabled: SSM.7"."""
    return f"{cause}: {name}"
