"""Lines of CSV that a spreadsheet opens without running anything."""

import csv
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any, Final

# A spreadsheet takes a cell that begins like this for a formula, the wide forms too.
_FORMULA: Final = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


class _Line:
    """What csv.writer writes to: keeps the last line."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text = text


def line(values: Iterable[Any]) -> str:
    """One line; None is an empty cell."""
    kept = _Line()
    csv.writer(kept).writerow([cell(value) for value in values])
    return kept.text


def cell(value: Any) -> Any:
    """No formula: an apostrophe before what a spreadsheet would otherwise run.

    Of texts only: a negative number is no formula. Booleans are true and false, dates are ISO 8601.
    """
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):  # a datetime is one, too
        return value.isoformat()
    return "" if value is None else value
