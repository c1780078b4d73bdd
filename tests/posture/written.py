"""Cells and the rows of days, written as a rollup writes them, without findings."""

from datetime import UTC, datetime, time

from django.db import transaction

from posture.models import Cell, CellDay
from posture.rollups import days
from tests.factories import DAY

NAMES = ("passed", "failed", "excepted", "unknown")


def noon(day):
    return datetime.combine(day, time(12), tzinfo=UTC)


@transaction.atomic
def write_day(cells, *, day=DAY):
    """Bring the cells to these counts and write the rows of the day, as a rollup does.

    :param cells: {(account, control): (passed, failed, excepted, unknown)}; those left out are none.
    """
    wanted = {(a.pk, c.pk): tuple(counts) for (a, c), counts in cells.items()}
    stored = {
        (row.account_id, row.control_id): tuple(getattr(row, name) for name in NAMES)
        for row in Cell.objects.all()
    }
    nothing = (0, 0, 0, 0)
    moved = [
        (key, wanted.get(key, nothing))
        for key in wanted.keys() | stored.keys()
        if wanted.get(key, nothing) != stored.get(key, nothing)
    ]
    for (account, control), counts in moved:
        keys = {"account_id": account, "control_id": control}
        named = dict(zip(NAMES, counts, strict=True))
        CellDay.objects.update_or_create(**keys, day=day, defaults=named)
        if any(counts):
            Cell.objects.update_or_create(**keys, defaults=named)
        else:
            Cell.objects.filter(**keys).delete()
    days.write_all(day)
