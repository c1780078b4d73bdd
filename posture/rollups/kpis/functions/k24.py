"""K24: of what the closed loops should mend by themselves, how much was mended within a day.

No API tells whether a fix was automatic: an account takes part where somebody has attested that its
automated fixes are tested, and there everything on the controls of the loops counts, in time or not.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from inventory.models import Organization
from posture.kpis import statistics
from posture.rollups.kpis import episodes
from posture.rollups.kpis.rows import Select

DAYS: Final = 28
# What watches each loop (kpis.md 1.4). Use of the root user is told to a person, never decided by a
# machine, so it is no loop here.
LOOPS: Final[Mapping[str, tuple[str, ...]]] = {
    "API calls logged": ("CloudTrail.1", "CloudTrail.3", "CloudTrail.4"),
    "SSH from the bastion alone": (
        "EC2.13",
        "EC2.14",
        "EC2.18",
        "EC2.19",
        "EC2.53",
        "EC2.54",
    ),
    "Instances patched": ("SSM.1", "SSM.2"),
    "No public objects": ("S3.1", "S3.2", "S3.3", "S3.8", "S3.19"),
}
_QUANTILES: Final = {"median": Decimal("0.5"), "p90": Decimal("0.9")}

_LOOPS: Final = "unnest(%(loops)s::text[], %(controls)s::text[]) l (loop, control)"
_ADOPTED: Final = """
adopted AS (
    SELECT a.*, EXISTS (SELECT 1 FROM attested_of_day t
        WHERE t.account_id = a.account_id AND t.subject = 'LOOP_FIX') AS is_attested
    FROM flow_accounts_of_day a
)"""
# What began in the last 28 days and is a day old: younger ones have time left. How long it had been
# there is not known of what came with a new account, a new control or our first look.
_EVENTS: Final = f"""
events AS (
    SELECT a.account_id, a.ou_id, e.opened_at, {episodes.CLOSED_AT} AS closed_at,
        COALESCE({episodes.CLOSE_REASON} = 'VANISHED', false) AS has_vanished
    FROM findings_episode e JOIN adopted a ON a.account_id = e.account_id AND a.is_attested
    JOIN findings_control c ON c.id = e.control_id
    JOIN {_LOOPS} ON l.control = c.control_id
    WHERE NOT {episodes.IS_ENTRY} AND e.opened_at >= %(since)s AND e.opened_at < %(as_of)s - interval '1 day'
)"""
_ROWS: Final = f"""
WITH {_ADOPTED}, {_EVENTS}, mended AS (
    SELECT account_id, count(*) AS events, count(*) FILTER (WHERE NOT has_vanished
        AND closed_at <= opened_at + interval '1 day') AS in_time
    FROM events GROUP BY 1
), watched AS (
    SELECT x.account_id, count(DISTINCT l.loop) AS loops
    FROM cells_of_day x JOIN {_LOOPS} ON l.control = x.control
    WHERE x.passed + x.failed > 0 GROUP BY 1
)
SELECT a.account_id, '', COALESCE(m.in_time, 0), COALESCE(m.events, 0),
    CASE WHEN a.is_attested THEN a.covered ELSE 0 END, 1
FROM adopted a LEFT JOIN mended m USING (account_id)
UNION ALL
SELECT a.account_id, 'ready', CASE WHEN a.is_attested THEN COALESCE(w.loops, 0) ELSE 0 END,
    %(number)s, CASE WHEN a.covered > 0 THEN 1 ELSE 0 END, 1
FROM adopted a LEFT JOIN watched w USING (account_id)
"""
_HOURS: Final = f"""
WITH {_ADOPTED}, {_EVENTS}
SELECT ou_id, closed_at IS NOT NULL AND NOT has_vanished,
    (date_part('epoch', COALESCE(closed_at, %(as_of)s) - opened_at) / 3600)::int, count(*)
FROM events GROUP BY 1, 2, 3
"""


def k24(day: date, *, organization: Organization, now: datetime) -> Select:
    """Two rows for each scored account. One statement."""
    return episodes.rows(_ROWS, _values(day, organization=organization, now=now))


def details(
    day: date, *, organization: Organization, now: datetime
) -> Mapping[int, dict[str, Any]]:
    """Of each OU: median and p90 of the hours to the fix, those still open included; None: not reached."""
    found: dict[int, Counter[tuple[bool, int]]] = {}
    told = _values(day, organization=organization, now=now)
    for ou, is_closed, hours, number in episodes.fetch(_HOURS, told):
        found.setdefault(ou, Counter())[is_closed, hours] += number
    totals = episodes.summed_up(found, organization=organization)
    return {ou: _told(ages) for ou, ages in totals.items()}


def _told(ages: Counter[tuple[bool, int]]) -> dict[str, Any]:
    closed: Counter[statistics.Days] = Counter()
    still_open: Counter[statistics.Days] = Counter()
    for (is_closed, hours), number in ages.items():
        (closed if is_closed else still_open)[hours] += number
    curve = statistics.kaplan_meier(closed, still_open)
    return {f"{name}_hours": curve.quantile(share) for name, share in _QUANTILES.items()}


def _values(day: date, *, organization: Organization, now: datetime) -> dict[str, Any]:
    pairs = [(loop, control) for loop, controls in LOOPS.items() for control in controls]
    return episodes.values(day, organization=organization, now=now, since=DAYS) | {
        "loops": [loop for loop, _ in pairs],
        "controls": [control for _, control in pairs],
        "number": len(LOOPS),
    }
