"""Cells and controls as they were at the end of a day: one step down an index for each control.

What these cost hangs on the number of controls, not on how many days have been kept.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from findings.models import Area

# The newest row up to the day; of days before the first row of all controls, the first there is.
_THEN: Final = """
LEFT JOIN LATERAL (
    SELECT severity, area, is_counted, is_enabled FROM posture_controlday d
    WHERE d.control_id = c.id
        AND d.day <= (SELECT GREATEST(%(day)s, min(day)) FROM posture_controlday)
    ORDER BY d.day DESC LIMIT 1) w ON true
"""
_WORDS: Final = """
SELECT c.control_id, c.title, COALESCE(w.severity, c.severity), COALESCE(w.area, c.area),
    COALESCE(w.is_counted, c.is_scored), c.is_scored, c.is_delegated_admin_only
"""
_CELLS: Final = f"""
{_WORDS}, x.passed, x.failed
FROM findings_control c
CROSS JOIN LATERAL (
    SELECT passed, failed FROM posture_cellday d
    WHERE d.account_id = %(account)s AND d.control_id = c.id AND d.day <= %(day)s
    ORDER BY d.day DESC LIMIT 1) x
{_THEN} WHERE x.failed > 0 AND NOT c.is_delegated_admin_only ORDER BY c.control_id
"""
_CONTROLS: Final = f"""
{_WORDS}, x.passed, x.failed, x.accounts_failing, x.accounts, x.overdue, x.lost_weight,
    c.remediation_url
FROM findings_control c
CROSS JOIN LATERAL (
    SELECT * FROM posture_oucontrolday d
    WHERE d.ou_id = %(ou)s AND d.control_id = c.id AND d.day <= %(day)s
    ORDER BY d.day DESC LIMIT 1) x
{_THEN} WHERE x.failed > 0 ORDER BY x.lost_weight DESC, c.control_id
"""


@dataclass(frozen=True, slots=True)
class PastControl:
    """A control that failed at the end of a day. `is_counted`: its cells were in the scores.

    The counts of accounts and `lost_weight` are those of an OU; of a single account they are 0.
    `overdue` is None where it is not kept.
    """

    control_id: str
    title: str
    severity: str
    area: str
    is_counted: bool
    is_scored: bool
    is_of_all: bool
    passed: int
    failed: int
    accounts_failing: int = 0
    accounts: int = 0
    overdue: int | None = 0
    lost_weight: Decimal = Decimal(0)
    remediation_url: str = ""

    @property
    def is_provisional(self) -> bool:
        """New: shown before it is scored."""
        return self.is_scored and not self.is_counted

    @property
    def area_label(self) -> str:
        return Area(self.area).label if self.area else ""


def failing_in_account(account: int, *, day: date) -> tuple[PastControl, ...]:
    """What failed in an account (a key). One query."""
    return _read(_CELLS, {"account": account, "day": day})


def failing_in_ou(ou: int, *, day: date) -> tuple[PastControl, ...]:
    """What failed below an OU (a key), most lost weight first. One query."""
    return _read(_CONTROLS, {"ou": ou, "day": day})


def _read(statement: str, values: dict[str, Any]) -> tuple[PastControl, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return tuple(PastControl(*row) for row in cursor.fetchall())
