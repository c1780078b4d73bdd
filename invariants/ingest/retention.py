"""What is old of denials goes, in batches: their days, then denials without any, then what was counted.

The ids of events go with their days, and no event of those days is taken in any more, so that none is
ever counted twice. Removing twice, or after a crash, removes nothing else.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from django.db import connection, transaction

LIMIT: Final = 5000

# By the name that is told. The day of the cutoff is kept whole, as long as an event of it may come.
_STEPS: Final = {
    "days of denials": """
DELETE FROM invariants_denialday WHERE id IN (
    SELECT id FROM invariants_denialday WHERE day < %(day)s ORDER BY day, id LIMIT %(limit)s)""",
    "events": """
DELETE FROM invariants_takenevent WHERE event_id IN (
    SELECT event_id FROM invariants_takenevent WHERE day < %(day)s ORDER BY day LIMIT %(limit)s)""",
    "changes of policies": """
DELETE FROM invariants_orgchangeevent WHERE event_id IN (
    SELECT event_id FROM invariants_orgchangeevent WHERE at < %(at)s ORDER BY at LIMIT %(limit)s)""",
}
_SERVES: Final = """
DELETE FROM invariants_denialserves WHERE denial_id = ANY(%(ids)s)"""
_EMPTY: Final = """
SELECT d.id FROM invariants_denial d WHERE d.last_at < %(at)s
    AND NOT EXISTS (SELECT 1 FROM invariants_denialday x WHERE x.denial_id = d.id)
ORDER BY d.id LIMIT %(limit)s FOR UPDATE SKIP LOCKED"""
_DENIALS: Final = "DELETE FROM invariants_denial WHERE id = ANY(%(ids)s)"


def remove_old(
    *, keep_days: int, now: datetime, clock: Callable[[], datetime], until: datetime
) -> dict[str, int]:
    """Remove what is older than `keep_days` until the time is over; returns how many rows of what.

    LIMIT rows a transaction. What is left when the time is over goes the next night.
    """
    before = now - timedelta(days=keep_days)
    counts: dict[str, int] = {}
    for name, remove in _removers(before):
        counts[name] = 0
        while clock() < until:
            with transaction.atomic():
                removed = remove()
            counts[name] += removed
            if removed < LIMIT:
                break
    return counts


def _removers(before: datetime) -> Iterator[tuple[str, Callable[[], int]]]:
    for name, statement in _STEPS.items():
        yield name, partial(_remove, statement, before)
    yield "denials", partial(_remove_denials, before)


def _remove(statement: str, before: datetime) -> int:
    values: dict[str, Any] = {"day": before.date(), "at": before, "limit": LIMIT}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def _remove_denials(before: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_EMPTY, {"at": before, "limit": LIMIT})
        ids = [row[0] for row in cursor.fetchall()]
        cursor.execute(_SERVES, {"ids": ids})
        cursor.execute(_DENIALS, {"ids": ids})
    return len(ids)
