"""Counts of findings by everything that a list can be narrowed by, kept up as findings change.

Two floors. `FindingCount` has one row for each kind of finding in each account, counted anew for
every dirty cell. `FacetCount` sums those rows by every choice of up to three dimensions, and each
change of the lower floor is added to it in the same transaction, so that the two always agree.
"""

from findings.rollups.ageing import mark_crossed
from findings.rollups.cells import recount, take_dirty
from findings.rollups.rebuilding import rebuild_counts

__all__ = ["mark_crossed", "rebuild_counts", "recount", "take_dirty"]
