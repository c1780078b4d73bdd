"""Fills KPIs for a day, for the days that are over, and back over the past."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import QuerySet

from inventory.models import Organization
from posture import kpis
from posture.kpis import Kpi
from posture.models import KpiFill
from posture.rollups.kpis import making, tables, writing

_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtext('posture.kpis'))"
# Sums over all accounts in memory rather than by sorting; one filling at a time, so it is not much.
_ROOM: Final = "SET LOCAL work_mem = '64MB'"
# From these a day that is over can still be filled; all else is known of the present alone.
_OF_THE_PAST: Final = frozenset({"cells", "episodes"})
_TRIED_FOR: Final = timedelta(days=14)
_WHY_NOT: Final = {
    "facts": "account facts are kept as they are now, not as they were",
    "now": "what it is made from is known of the present alone",
}
logger = logging.getLogger(__name__)
Report = Callable[[date, "Filled"], None]


class FillFailed(Exception):
    """A KPI could not be filled; the text names it, the day and the cause."""


@dataclass(frozen=True, slots=True)
class Filled:
    """How many rows each KPI got, and why others got none."""

    rows: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reach:
    """How far back a KPI has been filled: the first day, how many days anew, and why not further."""

    since: date | None
    days: int
    why: str


def fill(kpi_id: str, day: date, *, now: datetime) -> int:
    """Fill one KPI; returns how many rows it has, 0 where the day is final or was not rolled up.

    :raises KeyError: there is no such KPI.
    :raises FillFailed: it failed; the others of the day are as they were.
    :raises ValueError: the day has not begun.
    """
    filled = fill_some([kpis.registry()[kpi_id]], day, now=now)
    if filled.failed:
        raise FillFailed(f"{kpi_id} for {day}: {filled.failed[kpi_id]}")
    return filled.rows.get(kpi_id, 0)


def fill_day(day: date, *, now: datetime) -> Filled:
    """Fill all KPIs; one that fails is recorded and named, and the others go on.

    :raises ValueError: the day has not begun.
    """
    return fill_some(kpis.registry().values(), day, now=now)


def finalise(*, now: datetime) -> dict[date, Filled]:
    """Fill the days that are over and not final once more, and close them.

    What has failed for two weeks is left to `fill_back`, by hand.
    """
    since = now.date() - _TRIED_FOR
    unfinished = KpiFill.objects.filter(is_final=False, day__lt=now.date(), day__gte=since)
    days = unfinished.order_by("day").values_list("day", flat=True).distinct()
    return {day: fill_day(day, now=now) for day in list(days)}


def fill_back(kpi_id: str, *, now: datetime) -> Reach:
    """Fill a KPI for all days that are over and have none, as far back as what it is made from.

    :raises KeyError: there is no such KPI.
    :raises FillFailed: a day failed; those before are filled.
    """
    card = kpis.registry()[kpi_id]

    def stop(day: date, filled: Filled) -> None:
        if filled.failed:
            raise FillFailed(f"{kpi_id} for {day}: {filled.failed[kpi_id]}")

    return fill_all_back([card], now=now, report=stop)[kpi_id]


def fill_all_back(
    cards: Iterable[Kpi], *, now: datetime, report: Report = lambda *_: None
) -> dict[str, Reach]:
    """As `fill_back`, for several KPIs at once, day by day; `report` hears of every day."""
    chosen = tuple(cards)
    possible = [card for card in chosen if card.reach in _OF_THE_PAST]
    days = _days_rolled_up(before=now.date())
    done: dict[str, int] = {card.id: 0 for card in chosen}
    for day in days if possible else ():
        filled = fill_some(possible, day, now=now)
        report(day, filled)
        for kpi_id in filled.rows:
            done[kpi_id] += 1
    return {card.id: _reach(card, days, done[card.id]) for card in chosen}


def _reach(card: Kpi, days: list[date], done: int) -> Reach:
    if card.reach not in _OF_THE_PAST:
        return Reach(None, 0, _WHY_NOT[card.reach])
    if not days:
        return Reach(None, 0, "no day before today has been rolled up")
    return Reach(days[0], done, f"scores, and where accounts stood, are known from {days[0]} on")


def _days_rolled_up(*, before: date) -> list[date]:
    """One step down the index for each day, however many accounts there are."""
    statement = """
    WITH RECURSIVE days AS (
        SELECT (SELECT min(day) FROM posture_accountday) AS day
        UNION ALL
        SELECT (SELECT min(day) FROM posture_accountday d WHERE d.day > days.day) FROM days
        WHERE days.day IS NOT NULL)
    SELECT day FROM days WHERE day < %(before)s ORDER BY day
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, {"before": before})
        return [day for (day,) in cursor.fetchall()]


def fill_some(cards: Iterable[Kpi], day: date, *, now: datetime) -> Filled:
    """As `fill_day`, for some KPIs."""
    if day > now.date():
        raise ValueError(
            f"{day} has not begun: a KPI is filled for today or for a day that is over"
        )
    rows: dict[str, int] = {}
    failed: dict[str, str] = {}
    for organization in Organization.objects.order_by("pk"):
        filled = _fill_organization(tuple(cards), day, organization=organization, now=now)
        for kpi_id, count in filled.rows.items():
            rows[kpi_id] = rows.get(kpi_id, 0) + count
        failed |= filled.failed
    return Filled(rows, failed)


@transaction.atomic
def _fill_organization(
    cards: tuple[Kpi, ...], day: date, *, organization: Organization, now: datetime
) -> Filled:
    with connection.cursor() as cursor:
        cursor.execute(_ONE_AT_A_TIME)
        cursor.execute(_ROOM)
    fills = KpiFill.objects.filter(organization=organization, day=day)
    final = set(fills.filter(is_final=True).values_list("kpi", flat=True))
    todo = [card for card in cards if card.id not in final]
    if day < now.date():
        todo = _of_the_past(todo, fills)
    if not todo or not tables.prepare(day, organization=organization, now=now):
        return Filled()
    failed = making.make(todo, day, organization=organization, now=now)
    done = [card for card in todo if card.id not in failed]
    rows = writing.write(done, day, organization=organization, now=now)
    failed |= _write_details(done, day, organization=organization, now=now)
    writing.record_failures(failed, day, organization=organization, now=now)
    return Filled(rows, failed)


def _of_the_past(cards: Collection[Kpi], fills: QuerySet[KpiFill]) -> list[Kpi]:
    """What can be filled once more; the rest is final as it stands, where it was filled at all."""
    as_it_stands = [card.id for card in cards if card.reach not in _OF_THE_PAST]
    fills.filter(kpi__in=as_it_stands).update(is_final=True)
    return [card for card in cards if card.reach in _OF_THE_PAST]


def _write_details(
    cards: Iterable[Kpi], day: date, *, organization: Organization, now: datetime
) -> dict[str, str]:
    failed = {}
    for card in cards:
        try:
            with transaction.atomic():
                writing.write_of_ous(card, day, organization=organization, now=now)
                writing.write_details(card, day, organization=organization, now=now)
        except Exception as error:
            logger.exception("the details of KPI %s could not be filled for %s", card.id, day)
            failed[card.id] = f"details: {type(error).__name__}: {error}"[:1000]
    return failed
