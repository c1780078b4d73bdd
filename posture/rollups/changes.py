"""ScoreChange: why the score of each OU moved in the week up to a day."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Final

from django.db import transaction

from posture.models import OuDay, ScoreChange
from posture.queries import changes
from posture.queries.changes import Split

_WEEK: Final = timedelta(days=7)
_KEPT: Final = ("before", "exits", "posture", "entries", "exceptions", "total", "causes")


@transaction.atomic
def write_changes(day: date, *, now: datetime, ous: Collection[int] | None = None) -> int:
    """Write why each OU's score moved in the week up to `day`; returns for how many OUs.

    Compared is with the newest day rolled up a week earlier or more. An OU that had no score then,
    or has none on `day`, gets no row. Safe to run twice; a day that is over and was written stays.

    :param ous: only these OUs (keys), all with a row on `day` by default.
    """
    before = _day_before(day)
    is_over = day < now.date()
    if before is None or (is_over and ScoreChange.objects.filter(day=day).exists()):
        return 0
    rows = OuDay.objects.filter(day=day, area="")
    if ous is not None:
        rows = rows.filter(ou_id__in=ous)
    wanted = set(rows.values_list("ou_id", flat=True))
    splits = changes.of_ous(wanted, since=before, until=day)
    ScoreChange.objects.filter(day=day, ou_id__in=wanted - splits.keys()).delete()
    ScoreChange.objects.bulk_create(
        [_row(ou, split) for ou, split in sorted(splits.items())],
        batch_size=500,
        update_conflicts=True,
        unique_fields=["ou", "day"],
        update_fields=_KEPT,
    )
    return len(splits)


def _day_before(day: date) -> date | None:
    days = OuDay.objects.filter(area="", day__lte=day - _WEEK)
    return days.order_by("-day").values_list("day", flat=True).first()


def _row(ou: int, split: Split) -> ScoreChange:
    change = split.change
    return ScoreChange(
        ou_id=ou,
        day=split.until,
        before=split.since,
        exits=change.exits,
        posture=change.posture,
        entries=change.entries,
        exceptions=change.exceptions,
        total=change.total,
        causes=[
            {
                "part": str(line.part),
                "cause": line.cause,
                "name": line.name,
                "points": str(line.points),
                "cells": line.cells,
            }
            for line in split.causes[: changes.CAUSES_KEPT]
        ],
    )
