"""Ages and due dates: what they are compared with, and what passes a bound as time goes by."""

from datetime import datetime, timedelta

from django.db import connection, transaction

from findings.models import AGE_DAYS, SOON_DAYS, CountState
from findings.rollups import moving, writing

# A finding leaves an age when opened_at is no longer after the bound, and a due date passes a bound
# when it is before it: each range has exactly what did so since the last time.
_OPENED = """
SELECT account_id, control_id FROM findings_finding
WHERE status = 'OPEN' AND opened_at > %(since)s - {bound} AND opened_at <= %(now)s - {bound}
"""
_DUE = """
SELECT account_id, control_id FROM findings_finding
WHERE status = 'OPEN' AND due_at >= %(since)s + {bound} AND due_at < %(now)s + {bound}
"""


def mark_crossed(*, now: datetime) -> int:
    """Let time pass: count as of `now`, and mark the cells in which a finding got older or nearer
    to its due date. Also follows accounts and controls to where they are now.

    Call it before draining. Counts never go back in time: an earlier `now` changes nothing.

    :return: the number of cells marked.
    """
    with transaction.atomic():
        writing.one_at_a_time()
        moving.follow()
        since = counted_at(now)
        if since >= now:
            return 0
        with connection.cursor() as cursor:
            cursor.execute(_marking(), {"since": since, "now": now})
            marked = int(cursor.rowcount)
        CountState.objects.update(as_of=now)
    return marked


def counted_at(now: datetime) -> datetime:
    """The moment as of which everything is counted; `now`, from now on, where nothing was yet."""
    state, _ = CountState.objects.get_or_create(defaults={"as_of": now})
    return state.as_of


def _marking() -> str:
    ages = [_OPENED.format(bound=_interval(timedelta(days=days))) for days in AGE_DAYS.values()]
    dues = [_DUE.format(bound=_interval(timedelta(days=days))) for days in (0, SOON_DAYS)]
    crossed = " UNION ".join(ages + dues)
    return f"INSERT INTO findings_dirtycell (account_id, control_id) {crossed} ORDER BY 1, 2"


def _interval(time: timedelta) -> str:
    return f"interval '{int(time.total_seconds())} seconds'"
