"""The rows of a day: accounts from their cells and counts, OUs from their accounts, and the controls
of each OU. All of them, or those above what was touched.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.db import connection

from findings.models import Control
from posture.rollups.days import accounts as account_rows
from posture.rollups.days import controls as control_rows
from posture.rollups.days import ous as ou_rows
from posture.rollups.days.columns import GRACE

__all__ = ["write", "write_all"]

_ABOVE: Final = """
SELECT DISTINCT u.id FROM inventory_account a
JOIN inventory_organizationalunit o ON o.id = a.ou_id
JOIN inventory_organizationalunit u
    ON u.organization_id = o.organization_id AND starts_with(o.path, u.path)
WHERE a.id = ANY(%(accounts)s)
"""
_EVERYTHING: Final = dict.fromkeys(("of_cells", "of_accounts", "of_ous", "of_ou_controls"), "true")
_TOUCHED: Final = {
    "of_cells": "x.account_id = ANY(%(accounts)s)",
    "of_accounts": "id = ANY(%(accounts)s)",
    "of_ous": "u.id = ANY(%(ous)s)",
    "of_ou_controls": "ou_id = ANY(%(ous)s) AND control_id = ANY(%(controls)s)",
}
_ALL: Final = (
    control_rows.DAYS,
    account_rows.DROP_GONE,
    account_rows.ROWS,
    ou_rows.ROWS,
    control_rows.WAS,
    control_rows.DROP,
    control_rows.ROWS,
    control_rows.PAST,
    "DROP TABLE was",
)
_OUS_WHOLE: Final = (account_rows.ROWS, ou_rows.ROWS)
_OUS_MOVED: Final = (
    ou_rows.WAS,
    account_rows.ROWS,
    ou_rows.MOVE,
    "DROP TABLE accounts_were",
)
_CONTROLS_MOVED: Final = (
    control_rows.WAS,
    control_rows.MOVE,
    control_rows.DROP_EMPTY,
    control_rows.PAST,
    "DROP TABLE was",
)


def write_all(day: date) -> None:
    """Write the rows of the day anew, from all cells and counts; never from the findings."""
    _execute(_ALL, _EVERYTHING, _values(day))


def write(day: date, *, accounts: Collection[int], controls: Collection[int]) -> None:
    """Write the rows of these accounts, of the OUs above them, and of these controls there.

    All rows of the day must have been written, with the inventory that still holds; the touched cells
    say by what the controls have moved since.
    """
    values = _values(day) | {"accounts": sorted(accounts), "controls": sorted(controls)}
    with connection.cursor() as cursor:
        cursor.execute(_ABOVE, values)
        values["ous"] = [ou for (ou,) in cursor.fetchall()]
    # What counts in the root alone is in the rows of no account.
    is_of_all = Control.objects.filter(pk__in=controls, is_delegated_admin_only=True).exists()
    _execute(_OUS_WHOLE if is_of_all else _OUS_MOVED, _TOUCHED, values)
    _execute(_CONTROLS_MOVED, _TOUCHED, values)


def _execute(statements: Sequence[str], among: Mapping[str, str], values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement.format(**among), values)


def _values(day: date) -> dict[str, Any]:
    midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC)
    return {"day": day, "grace_since": midnight - GRACE}
