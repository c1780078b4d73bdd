"""The cells that moved the organisation's score between two days, with what they weighed on both."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from inventory.access import AnyUser
from inventory.models import Account, OrganizationalUnit
from posture.models import OuDay
from posture.queries.changes import moves
from posture.scoring import Counts

# A cell weighs nothing on a day on which its account or its control did not count.
_CELLS: Final = f"""
{moves.MOVED}
SELECT c.account_id, a.account_id, c.control,
    CASE WHEN c.is_of_all AND COALESCE(c.ou_0, 0) > 0 OR NOT c.is_of_all AND c.scored_0
        THEN c.w_0 * c.k_0 ELSE 0 END, c.p_0, c.f_0, c.x_0, c.u_0,
    CASE WHEN c.is_of_all AND COALESCE(c.ou_1, 0) > 0 OR NOT c.is_of_all AND c.scored_1
        THEN c.w_1 * c.k_1 ELSE 0 END, c.p_1, c.f_1, c.x_1, c.u_1
FROM counted c JOIN inventory_account a ON a.id = c.account_id
WHERE c.ev_0 OR c.ev_1
ORDER BY a.account_id, c.control, c.account_id
"""  # noqa: S608 - put together from constants; values are bound
_ROWS_AT_ONCE: Final = 2_000


@dataclass(frozen=True, slots=True)
class CellOnDay:
    """A cell at the end of a day; `weight` 0: it did not count."""

    account_id: str
    control_id: str
    day: date
    weight: Decimal
    counts: Counts


@dataclass(frozen=True, slots=True)
class Whole:
    """Numerator and denominator of the organisation's score on a day."""

    day: date
    numerator: Decimal
    denominator: Decimal


def whole(root: OrganizationalUnit, days: tuple[date, date]) -> tuple[Whole, ...]:
    """What the score was divided from on these days. One query."""
    rows = OuDay.objects.filter(ou=root, area="", day__in=days).order_by("day")
    # The sums are decimals, which their fields do not tell.
    found: list[Any] = list(rows.values_list("day", "managed_n", "managed_d"))
    return tuple(Whole(*row) for row in found)


def moved(user: AnyUser, root: OrganizationalUnit, days: tuple[date, date]) -> Iterator[CellOnDay]:
    """Each cell that may have moved the score, on the first day and on the second. Two queries.

    Of accounts that the person may see; every other cell stood the same on both days.
    """
    seen = set(Account.objects.visible_to(user).values_list("pk", flat=True))
    values: dict[str, Any] = {"ous": [root.pk], "since": days[0], "until": days[1]}
    with connection.cursor() as cursor:
        cursor.execute(_CELLS, values)
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            for pk, account_id, control_id, *sides in rows:
                if pk not in seen:
                    continue
                for day, (weight, *counts) in zip(days, (sides[:5], sides[5:]), strict=True):
                    yield CellOnDay(account_id, control_id, day, weight, Counts(*counts))
