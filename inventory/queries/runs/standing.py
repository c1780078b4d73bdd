"""Which run tells how things stand now: the newest of each scope, out of the passes that count."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from inventory import access
from inventory.access import AnyUser
from inventory.models import Account, Collection, CollectionRun
from inventory.models.runs import RunState

UNFINISHED: Final = (RunState.PENDING, RunState.RUNNING)
# What leaves a hole in the data, worst first.
PROBLEMS: Final = (RunState.DENIED, RunState.FAILED, RunState.PARTIAL, RunState.NOT_CONFIGURED)
# A collection of some sources only (the controls, say) runs between full ones.
_RECENT_COLLECTIONS: Final = 4
# These are asked for seldom, some accounts in each collection: all of them within so much more time.
_SELDOM: Final = (CollectionRun.Source.ACCOUNT_FACTS, CollectionRun.Source.SERVICE_COVERAGE)
_SELDOM_MARGIN: Final = timedelta(hours=4)
# The newest, the newest full one, and all within the time in which what is asked for seldom is asked
# for; the one that runs, and the last that ended, whatever they are.
_PASSES: Final = """
WITH newest AS (SELECT id, as_of FROM inventory_collection ORDER BY id DESC LIMIT %(recent)s),
last_full AS (
    SELECT id FROM inventory_collection WHERE is_full AND finished_at IS NOT NULL
    ORDER BY id DESC LIMIT 1
), last_ended AS (
    SELECT id FROM inventory_collection WHERE finished_at IS NOT NULL
    ORDER BY finished_at DESC LIMIT 1
)
SELECT id, state, finished_at, id IN (TABLE last_full)
FROM inventory_collection
WHERE as_of > (SELECT as_of FROM newest ORDER BY id DESC LIMIT 1) - %(hold)s
    OR state = %(running)s OR id IN (TABLE last_full) OR id IN (TABLE last_ended)
    OR id IN (SELECT id FROM newest)
ORDER BY id DESC
"""


@dataclass(frozen=True, slots=True)
class Pass:
    """A collection whose runs may tell how things stand; `finished_at` is None while it runs."""

    collection_id: int
    state: str
    finished_at: datetime | None
    is_last_full: bool


def passes() -> tuple[Pass, ...]:
    """Those that say what we have, newest first. One query."""
    hold = timedelta(hours=settings.POSTURE_FACTS_EVERY_HOURS) + _SELDOM_MARGIN
    values: dict[str, Any] = {
        "recent": _RECENT_COLLECTIONS,
        "hold": hold,
        "running": str(Collection.State.RUNNING),
    }
    with connection.cursor() as cursor:
        cursor.execute(_PASSES, values)
        return tuple(Pass(*row) for row in cursor.fetchall())


def visible(user: AnyUser) -> QuerySet[CollectionRun]:
    """Runs about no single account, and those about accounts that the person sees."""
    runs = CollectionRun.objects.all()
    if access.scope_of(user).everything:
        return runs
    mine = Account.objects.visible_to(user).values("account_id")
    return runs.filter(Q(account_id="") | Q(account_id__in=mine))


def newest(user: AnyUser, among: Sequence[Pass]) -> QuerySet[CollectionRun]:
    """The newest run of each scope: an ended one where there is one, since it says what we have.

    One query. The collections are given as numbers, so that the database reads the runs of these
    alone.
    """
    seldom = [one.collection_id for one in among]
    whole = [
        *seldom[:_RECENT_COLLECTIONS],
        *(one.collection_id for one in among if one.is_last_full),
    ]
    found = (
        visible(user)
        .filter(Q(collection_id__in=whole) | Q(source__in=_SELDOM, collection_id__in=seldom))
        .annotate(
            is_unfinished=Case(
                When(state__in=UNFINISHED, then=Value(1)),
                default=Value(0),
                output_field=IntegerField(),
            )
        )
        .order_by("source", "account_id", "region", "is_unfinished", "-pk")
        .distinct("source", "account_id", "region")
    )
    within = CollectionRun.objects.filter(collection_id__in={*whole, *seldom})
    return within.filter(pk__in=found.values("pk"))
