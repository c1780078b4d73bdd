"""What a KPI is filled with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

Amount: TypeAlias = int | Decimal


@dataclass(frozen=True, slots=True)
class Row:
    """The amounts of one account and part; `account_id` is a key, None is of the root alone.

    They add up over accounts. `covered` of `expected`: how much of what the row should be made from
    was there.
    """

    account_id: int | None
    part: str
    numerator: Amount
    denominator: Amount
    covered: Amount
    expected: Amount


@dataclass(frozen=True, slots=True)
class OuRow:
    """The amounts of a part of an OU (by key) that are no sum over its accounts, and what is told besides."""

    ou_id: int
    part: str
    numerator: Amount
    denominator: Amount
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Select:
    """Rows that the database makes and keeps: a statement whose columns are those of Row."""

    statement: str
    values: Mapping[str, Any]
