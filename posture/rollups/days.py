"""The rows of a day: accounts from their cells and counts, OUs from their accounts, and the controls
of each OU. All of them, or those above what was touched.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.db import connection

from findings.models import Area
from posture.scoring import SHARE_PLACES, WEIGHTS

_WEIGHT: Final = (
    "CASE c.severity "
    + " ".join(f"WHEN '{severity}' THEN {weight}" for severity, weight in WEIGHTS.items())
    + " ELSE 0 END"
)

_AREAS: Final = f"ARRAY[{', '.join(repr(str(area)) for area in ['', *Area.values])}]"
_AMOUNTS: Final = (
    "managed_n, managed_d, raw_n, raw_d, coverage_n, coverage_d, exception_n, exception_d, failed"
)
_TALLIES: Final = "open_critical, open_high, open_medium, open_low, overdue_critical, overdue_high"
_KEPT: Final = [
    "ou_id",
    "is_scored",
    "team_key",
    "criticality",
    *(f"{_AMOUNTS}, {_TALLIES}").split(", "),
]
# What is new in AWS or in the organisation is looked at before it is scored (kpis.md R9 and R10).
_COUNTED: Final = "c.is_scored AND (c.scored_from IS NULL OR c.scored_from <= %(day)s)"
# Those few as a list: joined, the planner would read all cells to find theirs.
_OF_ALL: Final = "ANY(ARRAY(SELECT id FROM findings_control WHERE is_delegated_admin_only))"
GRACE: Final = timedelta(days=14)
_SCORED: Final = """a.state = 'ACTIVE' AND o.role <> 'SUSPENDED'
    AND (a.joined_at IS NULL OR a.joined_at <= %(grace_since)s)"""


def _shares(group: str) -> str:
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


# Weight units by account and area; GROUPING SETS add the row of all areas ("").
_OPEN: Final = ", ".join(
    f"sum(x.findings) FILTER (WHERE x.severity = '{severity.upper()}') AS open_{severity}"
    for severity in ("critical", "high", "medium", "low")
)
_OVERDUE: Final = ", ".join(
    f"sum(x.findings) FILTER (WHERE x.severity = '{severity.upper()}' AND x.sla = 'OVERDUE')"
    f" AS overdue_{severity}"
    for severity in ("critical", "high")
)
_ACCOUNT_DAYS: Final = f"""
WITH shares AS (
    SELECT x.account_id, c.area, c.severity,
        {_WEIGHT} * a.criticality::numeric AS w, x.passed AS p, x.failed AS f, x.excepted AS e,
        x.unknown AS u
    FROM posture_cell x JOIN findings_control c ON c.id = x.control_id
    JOIN inventory_account a ON a.id = x.account_id
    WHERE {{of_cells}} AND {_COUNTED} AND NOT c.is_delegated_admin_only
), sums AS ({_shares("account_id")}), counts AS (
    SELECT x.account_id, CASE WHEN GROUPING(c.area) = 1 THEN '' ELSE c.area END AS area,
        {_OPEN}, {_OVERDUE}
    FROM findings_findingcount x JOIN findings_control c ON c.id = x.control_id
    WHERE x.status = 'OPEN' AND {{of_cells}}
    GROUP BY GROUPING SETS ((x.account_id), (x.account_id, c.area))
    HAVING GROUPING(c.area) = 1 OR c.area <> ''
), keys AS (
    SELECT id AS account_id, area FROM inventory_account,
        unnest({_AREAS}) AS area
    WHERE gone_at IS NULL AND {{of_accounts}}
)
INSERT INTO posture_accountday (account_id, day, area, {", ".join(_KEPT)})
SELECT k.account_id, %(day)s, k.area, a.ou_id,
    {_SCORED}, COALESCE(a.team_id, 0), a.criticality,
    {", ".join(f"COALESCE(s.{name}, 0)" for name in _AMOUNTS.split(", "))},
    {", ".join(f"COALESCE(n.{name}, 0)" for name in _TALLIES.split(", "))}
FROM keys k JOIN inventory_account a ON a.id = k.account_id
JOIN inventory_organizationalunit o ON o.id = a.ou_id
LEFT JOIN sums s ON s.account_id = k.account_id AND s.area = k.area
LEFT JOIN counts n ON n.account_id = k.account_id AND n.area = k.area
ORDER BY k.account_id, k.area
ON CONFLICT (account_id, area, day) DO UPDATE SET
    {", ".join(f"{name} = EXCLUDED.{name}" for name in _KEPT)}
"""
_DROP_GONE_ACCOUNTS: Final = """
DELETE FROM posture_accountday d USING inventory_account a
WHERE d.day = %(day)s AND a.id = d.account_id AND a.gone_at IS NOT NULL
"""
_SUMMED: Final = [*f"{_AMOUNTS}, {_TALLIES}".split(", ")]
# Scores are of scored accounts; open findings are of all, because the findings list shows them all.
# What only the delegated administrator reports is about the whole: it counts in the root, once.
_SUMS: Final = [
    f"COALESCE(sum(d.{name}) FILTER (WHERE d.is_scored), 0) + COALESCE(min(w.{name}), 0)"
    for name in _AMOUNTS.split(", ")
] + [f"COALESCE(sum(d.{name}), 0)" for name in _TALLIES.split(", ")]
_OU_KEPT: Final = [
    *_SUMMED,
    "accounts",
    "accounts_evaluated",
    "accounts_total",
    "accounts_overdue_critical",
    "accounts_overdue_high",
]
# An OU is the sum over the accounts below it: never the mean of its children.
_OU_DAYS: Final = f"""
WITH shares AS (
    SELECT a.organization_id, c.area, {_WEIGHT}::numeric AS w, x.passed AS p, x.failed AS f,
        x.excepted AS e, x.unknown AS u
    FROM posture_cell x JOIN findings_control c ON c.id = x.control_id
    JOIN inventory_account a ON a.id = x.account_id AND a.gone_at IS NULL
    WHERE x.control_id = {_OF_ALL} AND {_COUNTED}
), whole AS ({_shares("organization_id")})
INSERT INTO posture_ouday (ou_id, day, area, {", ".join(_OU_KEPT)})
SELECT u.id, %(day)s, x.area,
    {", ".join(_SUMS)},
    count(d.id) FILTER (WHERE d.is_scored),
    count(d.id) FILTER (WHERE d.is_scored AND d.managed_d > 0),
    count(d.id),
    count(d.id) FILTER (WHERE d.is_scored AND d.overdue_critical > 0),
    count(d.id) FILTER (WHERE d.is_scored AND d.overdue_high > 0)
FROM inventory_organizationalunit u
CROSS JOIN unnest({_AREAS}) x (area)
LEFT JOIN inventory_organizationalunit b
    ON b.organization_id = u.organization_id AND starts_with(b.path, u.path)
LEFT JOIN posture_accountday d ON d.ou_id = b.id AND d.day = %(day)s AND d.area = x.area
LEFT JOIN whole w ON w.organization_id = u.organization_id AND w.area = x.area AND u.depth = 0
WHERE u.gone_at IS NULL AND {{of_ous}}
    AND EXISTS (SELECT 1 FROM posture_accountday WHERE day = %(day)s)
GROUP BY u.id, x.area ORDER BY u.id, x.area
ON CONFLICT (ou_id, area, day) DO UPDATE SET
    {", ".join(f"{name} = EXCLUDED.{name}" for name in _OU_KEPT)}
"""
_OU_CONTROL_KEPT: Final = (
    "passed, failed, excepted, unknown, accounts_failing, accounts, lost_weight, overdue"
)
_WAS: Final = """
CREATE TEMP TABLE was ON COMMIT DROP AS SELECT * FROM posture_oucontrol WHERE {of_ou_controls}
"""
_DROP_OU_CONTROLS: Final = "DELETE FROM posture_oucontrol WHERE {of_ou_controls}"
_OU_CONTROLS: Final = f"""
WITH scored AS (
    SELECT a.id, a.criticality, o.path, o.organization_id FROM inventory_account a
    JOIN inventory_organizationalunit o ON o.id = a.ou_id
    WHERE a.gone_at IS NULL AND {_SCORED}
), placed AS (
    SELECT u.id AS ou_id, s.id AS account_id, s.criticality FROM inventory_organizationalunit u
    JOIN scored s ON s.organization_id = u.organization_id AND starts_with(s.path, u.path)
    WHERE u.gone_at IS NULL AND {{of_ous}}
), cells AS (
    SELECT p.ou_id, p.criticality, x.* FROM placed p JOIN posture_cell x ON x.account_id = p.account_id
    JOIN findings_control c ON c.id = x.control_id AND NOT c.is_delegated_admin_only
    WHERE {{of_controls}}
    UNION ALL
    SELECT u.id, 1, x.* FROM posture_cell x
    JOIN inventory_account a ON a.id = x.account_id AND a.gone_at IS NULL
    JOIN inventory_organizationalunit u ON u.organization_id = a.organization_id AND u.depth = 0
    WHERE x.control_id = {_OF_ALL} AND {{of_ous}} AND {{of_controls}}
)
INSERT INTO posture_oucontrol (ou_id, control_id, {_OU_CONTROL_KEPT})
SELECT x.ou_id, x.control_id, sum(x.passed), sum(x.failed), sum(x.excepted), sum(x.unknown),
    count(*) FILTER (WHERE x.failed > 0), count(*) FILTER (WHERE x.passed + x.failed > 0),
    sum(CASE WHEN x.passed + x.failed > 0 AND {_COUNTED} THEN {_WEIGHT} * x.criticality::numeric
        - round({_WEIGHT} * x.criticality::numeric * x.passed / (x.passed + x.failed), {SHARE_PLACES})
        ELSE 0 END),
    sum(x.overdue)
FROM cells x JOIN findings_control c ON c.id = x.control_id
GROUP BY x.ou_id, x.control_id ORDER BY 1, 2
"""
# The past of the controls of an OU: what changed since they were last written.
_OU_CONTROL_DAYS: Final = f"""
INSERT INTO posture_oucontrolday (ou_id, control_id, day, {_OU_CONTROL_KEPT})
SELECT ou_id, control_id, %(day)s,
    {", ".join(f"COALESCE(n.{name}, 0)" for name in _OU_CONTROL_KEPT.split(", "))}
FROM was o FULL JOIN (SELECT * FROM posture_oucontrol WHERE {{of_ou_controls}}) n
    USING (ou_id, control_id)
WHERE ({", ".join(f"o.{name}" for name in _OU_CONTROL_KEPT.split(", "))})
    IS DISTINCT FROM ({", ".join(f"n.{name}" for name in _OU_CONTROL_KEPT.split(", "))})
ORDER BY 1, 2
ON CONFLICT (ou_id, control_id, day) DO UPDATE SET
    {", ".join(f"{name} = EXCLUDED.{name}" for name in _OU_CONTROL_KEPT.split(", "))}
"""
_CONTROL_KEPT: Final = "severity, area, is_counted, is_enabled"
_CONTROL_DAYS: Final = f"""
INSERT INTO posture_controlday (control_id, day, {_CONTROL_KEPT})
SELECT n.id, %(day)s, {", ".join(f"n.{name}" for name in _CONTROL_KEPT.split(", "))}
FROM (
    SELECT c.id, c.severity, c.area, {_COUNTED} AS is_counted, c.status = 'ENABLED' AS is_enabled
    FROM findings_control c
) n LEFT JOIN LATERAL (
    SELECT * FROM posture_controlday d WHERE d.control_id = n.id AND d.day <= %(day)s
    ORDER BY d.day DESC LIMIT 1
) o ON true
WHERE (o.severity, o.area, o.is_counted, o.is_enabled)
    IS DISTINCT FROM (n.severity, n.area, n.is_counted, n.is_enabled)
ORDER BY 1
ON CONFLICT (control_id, day) DO UPDATE SET
    {", ".join(f"{name} = EXCLUDED.{name}" for name in _CONTROL_KEPT.split(", "))}
"""
_ABOVE: Final = """
SELECT DISTINCT u.id FROM inventory_account a
JOIN inventory_organizationalunit o ON o.id = a.ou_id
JOIN inventory_organizationalunit u
    ON u.organization_id = o.organization_id AND starts_with(o.path, u.path)
WHERE a.id = ANY(%(accounts)s)
"""
_EVERYTHING: Final = dict.fromkeys(
    ("of_cells", "of_accounts", "of_ous", "of_controls", "of_ou_controls"), "true"
)
_TOUCHED: Final = {
    "of_cells": "x.account_id = ANY(%(accounts)s)",
    "of_accounts": "id = ANY(%(accounts)s)",
    "of_ous": "u.id = ANY(%(ous)s)",
    "of_controls": "x.control_id = ANY(%(controls)s)",
    "of_ou_controls": "ou_id = ANY(%(ous)s) AND control_id = ANY(%(controls)s)",
}
_STATEMENTS: Final = (
    _ACCOUNT_DAYS,
    _OU_DAYS,
    _WAS,
    _DROP_OU_CONTROLS,
    _OU_CONTROLS,
    _OU_CONTROL_DAYS,
    "DROP TABLE was",
)


def write_all(day: date) -> None:
    """Write the rows of the day anew, from all cells and counts; never from the findings."""
    values = _values(day)
    with connection.cursor() as cursor:
        cursor.execute(_CONTROL_DAYS, values)
        cursor.execute(_DROP_GONE_ACCOUNTS, values)
        for statement in _STATEMENTS:
            cursor.execute(statement.format(**_EVERYTHING), values)


def write(day: date, *, accounts: Collection[int], controls: Collection[int]) -> None:
    """Write the rows of these accounts, of the OUs above them, and of these controls there."""
    values = _values(day) | {"accounts": sorted(accounts), "controls": sorted(controls)}
    with connection.cursor() as cursor:
        cursor.execute(_ABOVE, values)
        values["ous"] = [ou for (ou,) in cursor.fetchall()]
        for statement in _STATEMENTS:
            cursor.execute(statement.format(**_TOUCHED), values)


def _values(day: date) -> dict[str, Any]:
    midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC)
    return {"day": day, "grace_since": midnight - GRACE}
