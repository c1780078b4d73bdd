"""The card of a KPI: what it measures, whose it is, and what it should be."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class Unit(StrEnum):
    PERCENT = "PERCENT"
    COUNT = "COUNT"
    RATE = "RATE"  # per 100
    DAYS = "DAYS"
    SCORE = "SCORE"  # 0 to 100 points


@dataclass(frozen=True, slots=True)
class Part:
    """A line beside the KPI, with numbers and where agreed a target of its own."""

    id: str
    name: str
    unit: Unit
    is_better_higher: bool
    target: Decimal | None = None
    amber: Decimal | None = None
    # A share of weight, not of things counted: never too few of them.
    is_weighted: bool = False


@dataclass(frozen=True, slots=True)
class Kpi:
    """One entry of kpis.yaml, with what the organisation has agreed on laid over it.

    `target` is what is On target, `amber` what is at least Watch; None is "none". `area` "" is the
    whole. `reach` says from what an earlier day can still be filled: "cells", "episodes", or not at
    all ("facts", "now"). None in `agreed_by`, `agreed_on`, `next_review`: not agreed yet.
    """

    id: str
    slug: str
    name: str
    question: str
    area: str
    is_headline: bool
    unit: Unit
    is_better_higher: bool
    formula: str
    sources: tuple[str, ...]
    owner: str
    target: Decimal | None
    amber: Decimal | None
    target_text: str
    exceptions: str
    missing_data: str
    agreed_by: str | None
    agreed_on: date | None
    next_review: date | None
    formula_version: int
    target_version: int
    parts: tuple[Part, ...]
    fill: str
    reach: str
    pair: tuple[str, ...]
    pages: tuple[str, ...]
    is_weighted: bool = False

    @property
    def number(self) -> int:
        """The place in the order: 1 of "K1"."""
        return int(self.id[1:])

    def part(self, part: str) -> "Kpi | Part":
        """What a stored part is measured by; "" is the KPI itself.

        :raises KeyError: it has no such part.
        """
        if not part:
            return self
        found = next((one for one in self.parts if one.id == part), None)
        if found is None:
            raise KeyError(f"{self.id} has no part {part!r}")
        return found
