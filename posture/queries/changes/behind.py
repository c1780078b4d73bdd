"""The cells behind one part of a change, those that moved it most first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from inventory import web
from inventory.access import AnyUser
from inventory.models import Account, OrganizationalUnit
from inventory.web import Cursor, Key, Page
from posture.queries.changes import moves
from posture.queries.changes.splits import Split
from posture.scoring import Counts, Part

PAGE_SIZE: Final = 50
_KEYS: Final = (Key("size", is_descending=True), Key("account"), Key("control"), Key("cause"))
# A cell may stand in a part twice: what was done in it, and that its control weighs something else.
_CELLS: Final = f"""
{moves.MOVED}, way AS (
    SELECT ou_0, ou_1, scored_0, scored_1,
        CASE WHEN was_in AND is_in THEN 'STAYED' WHEN was_in THEN 'LEFT' ELSE 'CAME' END AS way
    FROM route
), moved AS (
    SELECT c.*, m.cause, m.way, m.is_account,
        round(100 * (m.n - %(level)s * m.d) / %(whole)s, 7) AS points
    FROM counted c {moves.STEPS}
    WHERE (m.n <> 0 OR m.d <> 0) AND m.part = %(part)s
        AND (c.is_of_all AND m.way = 'STAYED' AND c.organization_id IN (
                SELECT organization_id FROM target WHERE is_root)
            OR NOT c.is_of_all AND (c.ou_0, c.ou_1, c.scored_0, c.scored_1, m.way) IN (SELECT * FROM way))
)
SELECT abs(m.points), m.account_id, m.control_id, m.cause, m.points, a.account_id, a.name,
    m.control, k.title, k.severity, m.way <> 'CAME', m.p_0, m.f_0, m.x_0, m.u_0,
    m.way <> 'LEFT', m.p_1, m.f_1, m.x_1, m.u_1
FROM moved m JOIN inventory_account a ON a.id = m.account_id
JOIN findings_control k ON k.id = m.control_id
WHERE {{within}}
ORDER BY {{order}} LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class CellMove:
    """A cell that moved the score; `before` or `after` None: its account was not in the OU then.

    `is_visible`: the person may open the account, which may be elsewhere by now.
    """

    size: Decimal
    account: int
    control: int
    cause: str
    points: Decimal
    account_id: str
    account_name: str
    control_id: str
    title: str
    severity: str
    before: Counts | None
    after: Counts | None
    is_visible: bool = True


@dataclass(frozen=True, slots=True)
class Behind:
    """Which cells: those of a part, or of it those with one cause and whom it names; "" is any."""

    part: Part
    cause: str = ""
    name: str = ""


def cells(
    user: AnyUser, ou: OrganizationalUnit, split: Split, behind: Behind, *, cursor_text: str = ""
) -> Page[CellMove]:
    """One page of the cells behind a split. Two queries.

    `split` is what `between` gave this person for this OU.
    """
    cursor = web.read_cursor(cursor_text, keys=_KEYS)
    step = split.exact.steps[behind.part]
    values: dict[str, Any] = {
        "ous": [ou.pk],
        "since": split.since,
        "until": split.until,
        "part": behind.part,
        "level": step.level,
        "whole": step.whole or Decimal(1),
        "limit": PAGE_SIZE + 1,
    }
    within = _within(behind, cursor, values)
    order = _order(cursor)
    with connection.cursor() as db:
        db.execute(_CELLS.format(within=within, order=order), values)
        found = [_row(row) for row in db.fetchall()]
    page = web.page_of(found, keys=_KEYS, cursor=cursor, size=PAGE_SIZE)
    return Page(_seen(user, page.rows), page.next_cursor, page.previous_cursor)


def _within(behind: Behind, cursor: Cursor | None, values: dict[str, Any]) -> str:
    parts = ["true"]
    if behind.cause:
        parts.append("m.cause = %(cause)s")
        values["cause"] = behind.cause
    if behind.name:
        parts.append("CASE WHEN m.is_account THEN a.name ELSE m.control END = %(name)s")
        values["name"] = behind.name
    if cursor is not None:
        sign = "<" if cursor.is_backwards else ">"
        parts.append(
            "(-abs(m.points), m.account_id, m.control_id, m.cause)"
            f" {sign} (-(%(at_0)s::numeric), %(at_1)s, %(at_2)s, %(at_3)s)"
        )
        values |= {f"at_{place}": value for place, value in enumerate(cursor.values)}
    return " AND ".join(parts)


def _order(cursor: Cursor | None) -> str:
    word = "DESC" if cursor is not None and cursor.is_backwards else "ASC"
    keys = ("-abs(m.points)", "m.account_id", "m.control_id", "m.cause")
    return ", ".join(f"{key} {word}" for key in keys)


def _row(row: Sequence[Any]) -> CellMove:
    size, account, control, cause, points, *rest = row
    account_id, account_name, control_id, title, severity, *counts = rest
    was_in, *then = counts[:5]
    is_in, *now = counts[5:]
    return CellMove(
        size=size,
        account=account,
        control=control,
        cause=cause,
        points=points,
        account_id=account_id,
        account_name=account_name,
        control_id=control_id,
        title=title,
        severity=severity,
        before=Counts(*then) if was_in else None,
        after=Counts(*now) if is_in else None,
    )


def _seen(user: AnyUser, rows: Sequence[CellMove]) -> tuple[CellMove, ...]:
    """One query: which of the accounts the person may open."""
    wanted = {row.account for row in rows}
    seen = set(Account.objects.visible_to(user).filter(pk__in=wanted).values_list("pk", flat=True))
    return tuple(replace(row, is_visible=row.account in seen) for row in rows)
