"""All counts from the findings alone, whatever was counted before."""

from datetime import datetime
from typing import Final

from django.db import connection, transaction

from findings.models import CountState
from findings.rollups import ageing, cells, facets, moving, writing

# The rows of an account lie side by side: every rollup and its own list read all of them.
_STORE: Final = f"""
INSERT INTO findings_findingcount ({cells.COLUMNS}, findings)
{cells.COUNT} GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 ORDER BY f.account_id, f.control_id
"""


@transaction.atomic
def rebuild_counts(*, now: datetime) -> int:
    """Count every finding anew, as of `now` or the last count, whichever is later.

    Marks of dirty cells stay: the scores drain them.

    :return: the number of rows of FindingCount.
    """
    writing.one_at_a_time()
    as_of = max(ageing.counted_at(now), now)
    CountState.objects.update(as_of=as_of)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE findings_findingcount")
    moving.follow()
    with connection.cursor() as cursor:
        cursor.execute(_STORE, {"as_of": as_of})
        rows = int(cursor.rowcount)
    facets.rebuild()
    return rows
