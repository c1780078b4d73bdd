"""Why a score moved, split exactly."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TypeVar

from posture.scoring.cells import PERCENT, Sums

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Change:
    """Points of managed score, seven decimals: exits + posture + entries = total, exactly.

    `exits` and `entries` come from cells evaluated on one date only (a control or account came or
    went), `posture` from the cells evaluated on both. Round each part with one_decimal to show it.
    """

    exits: Decimal
    posture: Decimal
    entries: Decimal
    total: Decimal


def change(before: Mapping[Key, Sums], after: Mapping[Key, Sums]) -> Change | None:
    """This will say why the managed score moved. Each value is one cell's Sums.

    None when one of the dates has no evaluated cell. Without a cell in common all is entries.
    """
    old = {key: sums for key, sums in before.items() if sums.managed_d}
    new = {key: sums for key, sums in after.items() if sums.managed_d}
    if not old or not new:
        return None
    shared = old.keys() & new.keys()
    start, end = _managed(old.values()), _managed(new.values())
    start_shared = _managed(old[key] for key in shared) if shared else start
    end_shared = _managed(new[key] for key in shared) if shared else start
    return Change(
        exits=start_shared - start,
        posture=end_shared - start_shared,
        entries=end - end_shared,
        total=end - start,
    )


def _managed(cells: Iterable[Sums]) -> Decimal:
    sums = Sums.total(cells)
    return (Decimal(100) * sums.managed_n / sums.managed_d).quantize(PERCENT, ROUND_HALF_UP)
