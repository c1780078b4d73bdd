"""The accounts of an OU behind one number of the heat map, those with most gaps first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet
from django.db.models.functions import Lower

from inventory import web
from inventory.access import AnyUser
from inventory.queries import tree
from inventory.web import Key, Page
from posture.models import AccountCoverage
from posture.queries.coverage.services import FACTS, NAMES, Column

PAGE_SIZE = 50
_KEYS = (Key("missing", is_descending=True), Key("sort_name"), Key("account_id"))


@dataclass(frozen=True, slots=True)
class Gap:
    """A Region in which the service is not on; `words` say what is known of it."""

    region: str
    words: str
    is_known: bool


@dataclass(frozen=True, slots=True)
class AccountGaps:
    """`on` of `expected` Regions have the service; `gaps` are the others."""

    account_id: str
    name: str
    ou_name: str
    expected: int
    on: int
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class Drill:
    """One page of accounts; the numbers of the pages beside it, 0 where there is none."""

    column: Column
    rows: tuple[AccountGaps, ...]
    previous_page: int
    next_page: int


def drill(user: AnyUser, ou_path: str, column: Column, *, page: int) -> Drill:
    """Accounts below a path ("" is all that the person sees), most gaps first. One query."""
    rows = _rows(user, ou_path, column).order_by("-missing", "sort_name", "account_id")
    # Accounts, not findings: there are never so many that an OFFSET is dear.
    start = PAGE_SIZE * (page - 1)
    found = list(rows[start : start + PAGE_SIZE + 1])
    return Drill(
        column=column,
        rows=tuple(_account(row, column) for row in found[:PAGE_SIZE]),
        previous_page=page - 1,
        next_page=page + 1 if len(found) > PAGE_SIZE else 0,
    )


def drill_page(
    user: AnyUser, ou_path: str, column: Column, *, cursor_text: str, size: int
) -> Page[AccountGaps]:
    """The same accounts, paged by key. One query."""
    cursor = web.read_cursor(cursor_text, keys=_KEYS)
    rows = _rows(user, ou_path, column)
    page = web.keyset(rows, keys=_KEYS, cursor=cursor, size=size)
    shown = tuple(_account(row, column) for row in page.rows)
    return Page(shown, page.next_cursor, page.previous_cursor)


# The annotations are names that the stubs do not know.
def _rows(user: AnyUser, ou_path: str, column: Column) -> "QuerySet[Any]":
    return (
        AccountCoverage.objects.visible_to(user)
        .scored()
        .filter(service=column.slug, account__ou__path__startswith=ou_path)
        .select_related("account__ou__organization")
        .annotate(missing=F("expected") - F("on"), sort_name=Lower("account__name"))
    )


def _account(row: AccountCoverage, column: Column) -> AccountGaps:
    return AccountGaps(
        account_id=row.account.account_id,
        name=row.account.name,
        ou_name=tree.shown_name(row.account.ou),
        expected=row.expected,
        on=row.on,
        gaps=tuple(_gap(column, line) for line in row.gaps),
    )


def _gap(column: Column, line: Sequence[Any]) -> Gap:
    """What keeps a pair from being covered: "GuardDuty off; Config not told"."""
    region, off, denied, untold, missing, *rest = line
    # Lines that were counted by an earlier version do not tell it apart.
    absent = rest[0] if rest else 0
    wanted = {permission for bit, permission in missing.items() if int(bit) & column.mask & denied}
    refused = f"refused ({', '.join(sorted(wanted))})" if wanted else "refused"
    states = (
        ("off", off),
        (refused, denied & ~off),
        ("not told", untold),
        ("not offered there by AWS", absent),
    )
    words = []
    for state, bits in states:
        named = [NAMES[fact] for fact in column.facts if bits >> FACTS.index(fact) & 1]
        if named:
            words.append(f"{', '.join(named)} {state}" if len(column.facts) > 1 else state)
    return Gap(region, "; ".join(words), is_known=bool(off))
