"""What a KPI is filled with."""

from collections.abc import Mapping
from dataclasses import dataclass
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
class Select:
    """Rows that the database makes and keeps: a statement whose columns are those of Row."""

    statement: str
    values: Mapping[str, Any]
