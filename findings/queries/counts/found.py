"""Counts within a search: of the findings with all words, as long as they are not too many."""

from datetime import datetime

from findings.models import Finding
from findings.queries import filters as narrowing
from findings.queries import search
from findings.queries.counts import cube
from findings.queries.counts.shapes import COUNTED, Tally, Total
from findings.queries.counts.values import Wanted
from findings.queries.filters import Filters
from inventory.access import AnyUser


def tally(user: AnyUser, filters: Filters, wanted: Wanted, *, now: datetime) -> Tally:
    """Exact counts where COUNTED findings at most have the words; else the total alone, so far.

    Three queries, and one each for the names of controls and accounts.
    """
    as_of = narrowing.counted_at(now)
    visible = Finding.objects.visible_to(user)
    worded = search.narrow(visible, filters.q).order_by()
    ids = list(worded.values_list("pk", flat=True)[: COUNTED + 1])
    if len(ids) <= COUNTED:
        return cube.tally_of(cube.FOUND, {"found": ids, "as_of": as_of}, wanted)
    within = narrowing.narrow(worded, filters, as_of=as_of)[: COUNTED + 1].count()
    return Tally(Total(min(within, COUNTED), is_exact=within <= COUNTED), {})
