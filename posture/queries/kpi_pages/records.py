"""The accounts behind a KPI as records, exact, so that anybody can reckon it by hand."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from inventory.access import AnyUser
from inventory.models import OrganizationalUnit
from posture.kpis import Kpi
from posture.queries.kpi_pages.page import accounts
from posture.queries.kpis import AccountLine, Amounts

HEADS: Final = (
    "kpi",
    "account_id",
    "account",
    "ou",
    "environment",
    "team",
    "part",
    "numerator",
    "denominator",
    "covered",
    "expected",
    "value",
)


def records(
    user: AnyUser, card: Kpi, ou: OrganizationalUnit | None, *, day: date
) -> Iterator[tuple[str, ...]]:
    """A record for each account and part, in the order of HEADS. Three queries for each 50 accounts.

    Numbers are written as they are stored; an empty value is "no data".
    """
    cursor = ""
    while True:
        page = accounts(user, card, ou, day=day, cursor_text=cursor)
        for row in page.rows:
            yield from _of(row.line, card)
        cursor = page.next_cursor
        if not cursor:
            return


def _of(line: AccountLine, card: Kpi) -> Iterator[tuple[str, ...]]:
    who = (card.id, line.account_id, line.name, line.ou_label, line.environment, line.team)
    yield (*who, "", *_numbers(line.amounts), _text(line.value))
    for part in line.parts:
        yield (*who, part.part.id, *_numbers(part.amounts), _text(part.value))


def _numbers(amounts: Amounts) -> tuple[str, ...]:
    stored = (amounts.numerator, amounts.denominator, amounts.covered, amounts.expected)
    return tuple(f"{value.normalize():f}" for value in stored)


def _text(value: object) -> str:
    return "" if value is None else str(value)
