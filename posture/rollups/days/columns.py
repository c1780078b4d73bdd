"""What the rows of accounts, OUs and controls have in common: columns, weights, and who counts."""

from datetime import timedelta
from typing import Final

from findings.models import Area
from posture.scoring import SHARE_PLACES, WEIGHTS

WEIGHT: Final = (
    "CASE c.severity "
    + " ".join(f"WHEN '{severity}' THEN {weight}" for severity, weight in WEIGHTS.items())
    + " ELSE 0 END"
)

AREAS: Final = f"ARRAY[{', '.join(repr(str(area)) for area in ['', *Area.values])}]"
AMOUNTS: Final = (
    "managed_n, managed_d, raw_n, raw_d, coverage_n, coverage_d, exception_n, exception_d, failed"
)
TALLIES: Final = "open_critical, open_high, open_medium, open_low, overdue_critical, overdue_high"
# What is new in AWS or in the organisation is looked at before it is scored (kpis.md R9 and R10).
COUNTED: Final = "c.is_scored AND (c.scored_from IS NULL OR c.scored_from <= %(day)s)"
# Those few as a list: joined, the planner would read all cells to find theirs.
OF_ALL: Final = "ANY(ARRAY(SELECT id FROM findings_control WHERE is_delegated_admin_only))"
GRACE: Final = timedelta(days=14)
SCORED: Final = """a.state = 'ACTIVE' AND o.role <> 'SUSPENDED'
    AND (a.joined_at IS NULL OR a.joined_at <= %(grace_since)s)"""


def shares(group: str) -> str:
    """Sums over rows (w, p, f, e, u) of a table `shares`, by area and by all areas ("")."""
    by = f"{group}, " if group else ""
    whole = f"({group})" if group else "()"
    return f"""
    SELECT {by}CASE WHEN GROUPING(area) = 1 THEN '' ELSE area END AS area,
        sum(CASE WHEN p + f > 0 THEN round(w * p / (p + f), {SHARE_PLACES}) ELSE 0 END) AS managed_n,
        sum(CASE WHEN p + f > 0 THEN w ELSE 0 END) AS managed_d,
        sum(CASE WHEN p + f + e > 0 THEN round(w * p / (p + f + e), {SHARE_PLACES}) ELSE 0 END) AS raw_n,
        sum(CASE WHEN p + f + e > 0 THEN w ELSE 0 END) AS raw_d,
        sum(CASE WHEN p + f + e > 0 THEN w ELSE 0 END) AS coverage_n,
        sum(CASE WHEN p + f + e + u > 0 THEN w ELSE 0 END) AS coverage_d,
        sum(CASE WHEN p + f + e > 0 THEN round(w * e / (p + f + e), {SHARE_PLACES}) ELSE 0 END) AS exception_n,
        sum(CASE WHEN p + f + e > 0 THEN w ELSE 0 END) AS exception_d,
        sum(f) AS failed
    FROM shares GROUP BY GROUPING SETS ({whole}, ({by}area))
    HAVING GROUPING(area) = 1 OR area <> ''
"""
