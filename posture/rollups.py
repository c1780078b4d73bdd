"""From findings to scores: dirty cells into cells, cells into account days, those into OU days.

Set-based SQL throughout. The arithmetic is that of posture.scoring (weights come from there, and a
test holds both to the same results); here it runs where the rows are. A day that is over is never
written again: every statement writes `day`, which is the day of `now`.
"""

from datetime import datetime
from typing import Any

from django.db import connection, transaction

from findings import rollups as finding_rollups
from posture.models import RollupState
from posture.scoring import SHARE_PLACES, STALE_AFTER, WEIGHTS

BATCH = 5000
_WEIGHT = (
    "CASE c.severity "
    + " ".join(f"WHEN '{severity}' THEN {weight}" for severity, weight in WEIGHTS.items())
    + " ELSE 0 END"
)

# One resource is one count, the worst of what is said of it in any Region or standard. An
# account-level PASSED of a control about something else says "no such resources": not counted.
# A control that only the delegated administrator reports speaks for no single account.
_DROP_TEMPORARY = "DROP TABLE IF EXISTS fresh, moved"
_CELLS = """
CREATE TEMP TABLE fresh ON COMMIT DROP AS
SELECT account_id, control_id,
    count(*) FILTER (WHERE worst = 1) AS passed, count(*) FILTER (WHERE worst = 3) AS failed,
    0 AS excepted, count(*) FILTER (WHERE worst = 2) AS unknown
FROM (
    SELECT f.account_id, f.control_id, f.resource_id, max(CASE
        WHEN f.status = 'OPEN' THEN 3
        WHEN f.status = 'UNKNOWN' OR f.updated_at < %(now)s - %(stale_after)s THEN 2
        ELSE 1 END) AS worst
    FROM dirty d
    JOIN findings_control c ON c.id = d.control_id AND c.is_scored AND NOT c.is_delegated_admin_only
    JOIN findings_finding f ON f.control_id = d.control_id AND f.account_id = d.account_id
    WHERE f.status IN ('OPEN', 'PASSED', 'UNKNOWN')
        AND NOT (f.status <> 'OPEN' AND f.resource_type = 'AwsAccount' AND NOT c.is_account_level)
    GROUP BY 1, 2, 3
) resources
GROUP BY 1, 2
"""
_CHANGED = """
CREATE TEMP TABLE moved ON COMMIT DROP AS
SELECT d.account_id, d.control_id, COALESCE(n.passed, 0) AS passed, COALESCE(n.failed, 0) AS failed,
    COALESCE(n.excepted, 0) AS excepted, COALESCE(n.unknown, 0) AS unknown
FROM dirty d
LEFT JOIN fresh n ON n.account_id = d.account_id AND n.control_id = d.control_id
LEFT JOIN posture_cell o ON o.account_id = d.account_id AND o.control_id = d.control_id
WHERE (COALESCE(n.passed, 0), COALESCE(n.failed, 0), COALESCE(n.excepted, 0), COALESCE(n.unknown, 0))
    <> (COALESCE(o.passed, 0), COALESCE(o.failed, 0), COALESCE(o.excepted, 0), COALESCE(o.unknown, 0))
"""
_DROP_CELLS = """
DELETE FROM posture_cell o USING moved m
WHERE o.account_id = m.account_id AND o.control_id = m.control_id
    AND m.passed + m.failed + m.excepted + m.unknown = 0
"""
_STORE_CELLS = """
INSERT INTO posture_cell (account_id, control_id, passed, failed, excepted, unknown)
SELECT account_id, control_id, passed, failed, excepted, unknown FROM moved
WHERE passed + failed + excepted + unknown > 0 ORDER BY 1, 2
ON CONFLICT (account_id, control_id) DO UPDATE SET passed = EXCLUDED.passed,
    failed = EXCLUDED.failed, excepted = EXCLUDED.excepted, unknown = EXCLUDED.unknown
"""
_STORE_CELL_DAYS = """
INSERT INTO posture_cellday (account_id, control_id, day, passed, failed, excepted, unknown)
SELECT account_id, control_id, %(day)s, passed, failed, excepted, unknown FROM moved ORDER BY 1, 2
ON CONFLICT (account_id, control_id, day) DO UPDATE SET passed = EXCLUDED.passed,
    failed = EXCLUDED.failed, excepted = EXCLUDED.excepted, unknown = EXCLUDED.unknown
"""
_MARK_STALE = """
INSERT INTO findings_dirtycell (account_id, control_id)
SELECT DISTINCT f.account_id, f.control_id FROM findings_finding f
JOIN posture_cell c ON c.account_id = f.account_id AND c.control_id = f.control_id AND c.passed > 0
WHERE f.status = 'PASSED' AND f.updated_at < %(now)s - %(stale_after)s
    AND f.updated_at >= %(now)s - %(stale_after)s - interval '14 days'
ORDER BY 1, 2
"""

_AMOUNTS = (
    "managed_n, managed_d, raw_n, raw_d, coverage_n, coverage_d, exception_n, exception_d, failed"
)
_TALLIES = "open_critical, open_high, open_medium, open_low, overdue_critical, overdue_high"
_KEPT = ["ou_id", "is_scored", *(f"{_AMOUNTS}, {_TALLIES}").split(", ")]

# Weight units by account and area; GROUPING SETS add the row of all areas ("").
_ACCOUNT_DAYS = f"""
WITH shares AS (
    SELECT x.account_id, c.area, c.severity,
        {_WEIGHT} * a.criticality::numeric AS w, x.passed AS p, x.failed AS f, x.excepted AS e,
        x.unknown AS u
    FROM posture_cell x JOIN findings_control c ON c.id = x.control_id
    JOIN inventory_account a ON a.id = x.account_id
), sums AS (
    SELECT account_id, CASE WHEN GROUPING(area) = 1 THEN '' ELSE area END AS area,
        sum(CASE WHEN p + f > 0 THEN round(w * p / (p + f), {SHARE_PLACES}) ELSE 0 END) AS managed_n,
        sum(CASE WHEN p + f > 0 THEN w ELSE 0 END) AS managed_d,
        sum(CASE WHEN p + f + e > 0 THEN round(w * p / (p + f + e), {SHARE_PLACES}) ELSE 0 END) AS raw_n,
        sum(CASE WHEN p + f + e > 0 THEN w ELSE 0 END) AS raw_d,
        sum(CASE WHEN p + f + e > 0 THEN w ELSE 0 END) AS coverage_n,
        sum(CASE WHEN p + f + e + u > 0 THEN w ELSE 0 END) AS coverage_d,
        sum(CASE WHEN p + f + e > 0 THEN round(w * e / (p + f + e), {SHARE_PLACES}) ELSE 0 END) AS exception_n,
        sum(CASE WHEN p + f + e > 0 THEN w ELSE 0 END) AS exception_d,
        sum(f) AS failed
    FROM shares GROUP BY GROUPING SETS ((account_id), (account_id, area))
    HAVING GROUPING(area) = 1 OR area <> ''
), counts AS (
    SELECT n.account_id, CASE WHEN GROUPING(c.area) = 1 THEN '' ELSE c.area END AS area,
        {", ".join(f"sum(n.findings) FILTER (WHERE n.severity = '{s.upper()}') AS open_{s}" for s in ("critical", "high", "medium", "low"))}
    FROM findings_findingcount n JOIN findings_control c ON c.id = n.control_id
    WHERE n.status = 'OPEN' GROUP BY GROUPING SETS ((n.account_id), (n.account_id, c.area))
    HAVING GROUPING(c.area) = 1 OR c.area <> ''
), late AS (
    SELECT f.account_id, CASE WHEN GROUPING(c.area) = 1 THEN '' ELSE c.area END AS area,
        count(*) FILTER (WHERE f.severity = 'CRITICAL') AS overdue_critical,
        count(*) FILTER (WHERE f.severity = 'HIGH') AS overdue_high
    FROM findings_finding f JOIN findings_control c ON c.id = f.control_id
    WHERE f.status = 'OPEN' AND f.due_at < %(now)s AND f.severity IN ('CRITICAL', 'HIGH')
    GROUP BY GROUPING SETS ((f.account_id), (f.account_id, c.area))
    HAVING GROUPING(c.area) = 1 OR c.area <> ''
), keys AS (
    SELECT id AS account_id, area FROM inventory_account,
        unnest(ARRAY['', 'CULTURE', 'ACCOUNT_MANAGEMENT', 'IDENTITY', 'DATA_PROTECTION',
            'SECURE_DEPLOYMENT', 'MONITORING', 'VULNERABILITY']) AS area
    WHERE gone_at IS NULL
)
INSERT INTO posture_accountday (account_id, day, area, {", ".join(_KEPT)})
SELECT k.account_id, %(day)s, k.area, a.ou_id,
    a.state = 'ACTIVE' AND o.role <> 'SUSPENDED',
    {", ".join(f"COALESCE(s.{name}, 0)" for name in _AMOUNTS.split(", "))},
    {", ".join(f"COALESCE(n.{name}, 0)" for name in _TALLIES.split(", ")[:4])},
    COALESCE(l.overdue_critical, 0), COALESCE(l.overdue_high, 0)
FROM keys k JOIN inventory_account a ON a.id = k.account_id
JOIN inventory_organizationalunit o ON o.id = a.ou_id
LEFT JOIN sums s ON s.account_id = k.account_id AND s.area = k.area
LEFT JOIN counts n ON n.account_id = k.account_id AND n.area = k.area
LEFT JOIN late l ON l.account_id = k.account_id AND l.area = k.area
ORDER BY k.account_id, k.area
ON CONFLICT (account_id, area, day) DO UPDATE SET
    {", ".join(f"{name} = EXCLUDED.{name}" for name in _KEPT)}
"""
_DROP_GONE_ACCOUNTS = """
DELETE FROM posture_accountday d USING inventory_account a
WHERE d.day = %(day)s AND a.id = d.account_id AND a.gone_at IS NOT NULL
"""
_SUMMED = [*f"{_AMOUNTS}, {_TALLIES}".split(", ")]
# Scores are of scored accounts; open findings are of all, because the findings list shows them all.
_SUMS = [
    f"COALESCE(sum(d.{name}) FILTER (WHERE d.is_scored), 0)" for name in _AMOUNTS.split(", ")
] + [f"COALESCE(sum(d.{name}), 0)" for name in _TALLIES.split(", ")]
_OU_KEPT = [
    *_SUMMED,
    "accounts",
    "accounts_evaluated",
    "accounts_total",
    "accounts_overdue_critical",
    "accounts_overdue_high",
]
# An OU is the sum over the accounts below it: never the mean of its children.
_OU_DAYS = f"""
INSERT INTO posture_ouday (ou_id, day, area, {", ".join(_OU_KEPT)})
SELECT u.id, %(day)s, x.area,
    {", ".join(_SUMS)},
    count(d.id) FILTER (WHERE d.is_scored),
    count(d.id) FILTER (WHERE d.is_scored AND d.managed_d > 0),
    count(d.id),
    count(d.id) FILTER (WHERE d.is_scored AND d.overdue_critical > 0),
    count(d.id) FILTER (WHERE d.is_scored AND d.overdue_high > 0)
FROM inventory_organizationalunit u
CROSS JOIN (SELECT DISTINCT area FROM posture_accountday WHERE day = %(day)s) x
LEFT JOIN inventory_organizationalunit b
    ON b.organization_id = u.organization_id AND starts_with(b.path, u.path)
LEFT JOIN posture_accountday d ON d.ou_id = b.id AND d.day = %(day)s AND d.area = x.area
WHERE u.gone_at IS NULL
GROUP BY u.id, x.area ORDER BY u.id, x.area
ON CONFLICT (ou_id, area, day) DO UPDATE SET
    {", ".join(f"{name} = EXCLUDED.{name}" for name in _OU_KEPT)}
"""
_OU_CONTROLS_DROP = "DELETE FROM posture_oucontrol"
_OU_CONTROLS = f"""
WITH scored AS (
    SELECT a.id, a.criticality, o.path, o.organization_id FROM inventory_account a
    JOIN inventory_organizationalunit o ON o.id = a.ou_id
    WHERE a.gone_at IS NULL AND a.state = 'ACTIVE' AND o.role <> 'SUSPENDED'
), placed AS (
    SELECT u.id AS ou_id, s.id AS account_id, s.criticality FROM inventory_organizationalunit u
    JOIN scored s ON s.organization_id = u.organization_id AND starts_with(s.path, u.path)
    WHERE u.gone_at IS NULL
), late AS (
    SELECT account_id, control_id, count(DISTINCT resource_id) AS overdue FROM findings_finding
    WHERE status = 'OPEN' AND due_at < %(now)s GROUP BY 1, 2
)
INSERT INTO posture_oucontrol (ou_id, control_id, passed, failed, excepted, unknown,
    accounts_failing, accounts, lost_weight, overdue)
SELECT p.ou_id, x.control_id, sum(x.passed), sum(x.failed), sum(x.excepted), sum(x.unknown),
    count(*) FILTER (WHERE x.failed > 0), count(*) FILTER (WHERE x.passed + x.failed > 0),
    sum(CASE WHEN x.passed + x.failed > 0 THEN {_WEIGHT} * p.criticality::numeric
        - round({_WEIGHT} * p.criticality::numeric * x.passed / (x.passed + x.failed), {SHARE_PLACES})
        ELSE 0 END),
    COALESCE(sum(l.overdue), 0)
FROM placed p JOIN posture_cell x ON x.account_id = p.account_id
JOIN findings_control c ON c.id = x.control_id
LEFT JOIN late l ON l.account_id = x.account_id AND l.control_id = x.control_id
GROUP BY p.ou_id, x.control_id ORDER BY 1, 2
"""

_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('posture.roll_up'))"


def moment_of(as_of: datetime) -> datetime:
    """When to roll up what was collected as of then: no earlier than the last rollup.

    A collection that began before midnight may end after the new day has been written.
    """
    last = RollupState.objects.filter(name="scores", as_of__gt=as_of).first()
    return last.as_of if last else as_of


def roll_up(*, now: datetime) -> int:
    """Bring cells and the rows of the day of `now` up to date; returns how many cells changed.

    Safe to run twice and at once: one waits for the other, and sums are written whole.

    :raises ValueError: when a later day has been written already: the past is frozen.
    """
    if RollupState.objects.filter(name="scores", day__gt=now.date()).exists():
        raise ValueError(f"a day after {now.date()} has already been rolled up")
    values = {"now": now, "day": now.date(), "stale_after": STALE_AFTER}
    _execute([_MARK_STALE], values)
    changed = 0
    while taken := _drain(values):
        changed += taken[1]
    with transaction.atomic():
        # A second writer of the day waits, and then writes the same sums.
        _execute([_ONE_AT_A_TIME], values)
        _execute([_DROP_GONE_ACCOUNTS, _ACCOUNT_DAYS, _OU_DAYS], values)
        _execute([_OU_CONTROLS_DROP, _OU_CONTROLS], values)
        RollupState.objects.update_or_create(
            name="scores", defaults={"day": now.date(), "as_of": now}
        )
    return changed


@transaction.atomic
def _drain(values: dict[str, Any]) -> tuple[int, int] | None:
    """One batch of dirty cells; None when there is none left, else (cells looked at, changed)."""
    # Two that count the same cell at once would both write its counts anew.
    _execute([_ONE_AT_A_TIME], values)
    cells = finding_rollups.take_dirty(limit=BATCH)
    if not cells:
        return None
    finding_rollups.recount()
    _execute(
        [_DROP_TEMPORARY, _CELLS, _CHANGED, _DROP_CELLS, _STORE_CELLS, _STORE_CELL_DAYS], values
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM moved")
        return cells, int(cursor.fetchone()[0])


def _execute(statements: list[str], values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, values)
