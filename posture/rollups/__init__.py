"""From findings to scores: dirty cells into cells, cells into account days, those into OU days.

Set-based SQL throughout. The arithmetic is that of posture.scoring (weights come from there, and a
test holds both to the same results); here it runs where the rows are. A day that is over is never
written again: every statement writes `day`, which is the day of `now`.

Within a day only what was touched is written, so that a changed finding costs the same among a
thousand and among millions. A new day, or another inventory, writes all rows: from cells and
counts, whose number does not hang on that of the findings.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction

from findings import rollups as finding_rollups
from findings.rollups import texts
from posture.models import RollupState, TouchedCell
from posture.rollups import cells, days

__all__ = ["moment_of", "rebuild_cells", "roll_up"]

BATCH: Final = 50_000
# From so many touched cells on, writing everything is quicker than looking for what hangs on them.
MANY: Final = 2_000
# How far back the first rollup looks for what has not been checked for long.
_FIRST_LOOK: Final = timedelta(days=14)
_NAME: Final = "scores"
_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtext('posture.roll_up'))"
# Whatever the rows of a day hang on besides cells and counts.
_INVENTORY: Final = """
SELECT md5(
    COALESCE((SELECT string_agg(concat_ws(',', id, ou_id, team_id, criticality, state, joined_at, gone_at), ';' ORDER BY id)
        FROM inventory_account), '') || '|' ||
    COALESCE((SELECT string_agg(concat_ws(',', id, path, role, gone_at), ';' ORDER BY id)
        FROM inventory_organizationalunit), '') || '|' ||
    COALESCE((SELECT string_agg(concat_ws(',', id, severity, area, status, is_scored,
            is_delegated_admin_only, scored_from), ';' ORDER BY id)
        FROM findings_control), ''))
"""


def moment_of(as_of: datetime) -> datetime:
    """When to roll up what was collected as of then: no earlier than the last rollup.

    A collection that began before midnight may end after the new day has been written.
    """
    last = RollupState.objects.filter(name=_NAME, as_of__gt=as_of).first()
    return last.as_of if last else as_of


def roll_up(*, now: datetime) -> int:
    """Bring cells and the rows of the day of `now` up to date; returns how many cells changed.

    Safe to run twice and at once: one waits for the other, and rows are written whole. Cheap where
    nothing has changed.

    :raises ValueError: when a later day has been written already: the past is frozen.
    """
    _refuse_the_past(now)
    last = RollupState.objects.filter(name=_NAME).first()
    with transaction.atomic():
        _one_at_a_time()
        texts.mark_moved()
        finding_rollups.mark_crossed(now=now)
        cells.mark_stale(since=last.as_of if last else now - _FIRST_LOOK, now=now)
    changed = 0
    while taken := _drain(now=now):
        changed += taken[1]
    _write_day(now=now)
    return changed


@transaction.atomic
def rebuild_cells(*, now: datetime, with_sums: bool = False) -> int:
    """Count every cell anew from all findings; returns how many had been wrong.

    Days that are over stay as they are.

    :param with_sums: write the rows of the day anew even where no cell was wrong.

    :raises ValueError: when a later day has been written already.
    """
    _refuse_the_past(now)
    _one_at_a_time()
    changed = cells.count_all(now=now)
    # Where cells were wrong their sums may have been, and sums are otherwise only moved.
    _write_day(now=now, is_repair=with_sums or changed > 0)
    return changed


def _refuse_the_past(now: datetime) -> None:
    if RollupState.objects.filter(name=_NAME, day__gt=now.date()).exists():
        raise ValueError(f"a day after {now.date()} has already been rolled up")


@transaction.atomic
def _drain(*, now: datetime) -> tuple[int, int] | None:
    """One batch of dirty cells; None when there is none left, else (cells looked at, changed)."""
    # Two that count the same cell at once would both write its counts anew.
    _one_at_a_time()
    taken = finding_rollups.take_dirty(limit=BATCH)
    if not taken:
        return None
    with connection.cursor() as cursor:
        # Of a new table the planner expects thousands of rows, and would read all texts for one.
        cursor.execute("ANALYZE dirty")
    texts.mark_moved()
    finding_rollups.recount(now=now)
    texts.refresh(now=now)
    return taken, cells.count_dirty(now=now)


@transaction.atomic
def _write_day(*, now: datetime, is_repair: bool = False) -> None:
    """What was touched stays remembered until this has succeeded."""
    # A second writer of the day waits, and then finds nothing left to do.
    _one_at_a_time()
    inventory = _inventory()
    is_same = RollupState.objects.filter(
        name=_NAME, day=now.date(), inventory=inventory, as_of__isnull=False
    ).exists()
    touched = set(TouchedCell.objects.values_list("account_id", "control_id"))
    if is_repair or not is_same or len(touched) > MANY:
        days.write_all(now.date())
    elif touched:
        accounts = {account for account, _ in touched}
        controls = {control for _, control in touched}
        days.write(now.date(), accounts=accounts, controls=controls)
    if touched:
        TouchedCell.objects.all().delete()
    RollupState.objects.update_or_create(
        name=_NAME, defaults={"day": now.date(), "as_of": now, "inventory": inventory}
    )


def _inventory() -> str:
    with connection.cursor() as cursor:
        cursor.execute(_INVENTORY)
        return str(cursor.fetchone()[0])


def _one_at_a_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_ONE_AT_A_TIME)
