"""How many exceptions stood how on past days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from invariants.models import ExceptionDay
from invariants.queries.exceptions.totals import Counts
from inventory.models import OrganizationalUnit

if TYPE_CHECKING:
    from inventory.access import AnyUser

# Without a row for longer than this, nobody has counted: no data, not the same as before.
STALE_AFTER: Final = timedelta(days=7)
WEEK: Final = timedelta(days=7)
_HUNDRED: Final = Decimal(100)


@dataclass(frozen=True, slots=True)
class Week:
    """The counts at the end of a week; all None where nobody counted."""

    day: date
    active: int | None = None
    expired: int | None = None
    zombies: int | None = None
    zombie_rate: Decimal | None = None
    not_in_place_rate: Decimal | None = None


def at(ou: OrganizationalUnit, day: date) -> ExceptionDay | None:
    """The counts as of a day. Whoever calls has decided that the OU may be seen."""
    rows = ExceptionDay.objects.filter(ou=ou, day__lte=day, day__gte=day - STALE_AFTER)
    return rows.order_by("-day").first()


def of_day(user: "AnyUser", ou_id: str, day: date) -> Counts | None:
    """The counts of an OU as of a past day, for who sees it whole; None: nobody counted, or may tell."""
    rows = ExceptionDay.objects.visible_to(user).filter(
        ou__ou_id=ou_id, day__lte=day, day__gte=day - STALE_AFTER
    )
    row = rows.order_by("-day").first()
    return Counts(row.active, row.expiring, row.expired, row.zombies) if row else None


def weeks(
    user: "AnyUser", ou: OrganizationalUnit, *, until: date, count: int = 26
) -> tuple[Week, ...]:
    """The last weeks, oldest first, as of the weekday of `until`. One query."""
    first = until - WEEK * (count - 1)
    rows = ExceptionDay.objects.visible_to(user).filter(
        ou=ou, day__gt=first - STALE_AFTER, day__lte=until
    )
    kept = list(rows.order_by("day"))
    return tuple(_week(kept, first + WEEK * number) for number in range(count))


def _week(rows: Sequence[ExceptionDay], day: date) -> Week:
    row = max((r for r in rows if r.day <= day), key=lambda r: r.day, default=None)
    if row is None or row.day < day - STALE_AFTER:
        return Week(day)
    in_place = row.granted - row.not_in_place
    let_through = row.zombies + (row.unapproved or 0)
    return Week(
        day,
        active=row.active,
        expired=row.expired,
        zombies=row.zombies,
        zombie_rate=None if row.unapproved is None else _share(let_through, in_place + let_through),
        not_in_place_rate=_share(row.not_in_place, row.granted),
    )


def _share(part: int, whole: int) -> Decimal | None:
    return _HUNDRED * part / whole if whole else None
