"""The rows of accounts, from their cells and from the counts of their findings."""

from typing import Final

from posture.rollups.days.columns import AMOUNTS, AREAS, COUNTED, SCORED, TALLIES, WEIGHT, shares

KEPT: Final = [
    "ou_id",
    "is_scored",
    "team_key",
    "criticality",
    *(f"{AMOUNTS}, {TALLIES}").split(", "),
]
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
ROWS: Final = f"""
WITH shares AS (
    SELECT x.account_id, c.area, c.severity,
        {WEIGHT} * a.criticality::numeric AS w, x.passed AS p, x.failed AS f, x.excepted AS e,
        x.unknown AS u
    FROM posture_cell x JOIN findings_control c ON c.id = x.control_id
    JOIN inventory_account a ON a.id = x.account_id
    WHERE {{of_cells}} AND {COUNTED} AND NOT c.is_delegated_admin_only
), sums AS ({shares("account_id")}), counts AS (
    SELECT x.account_id, CASE WHEN GROUPING(c.area) = 1 THEN '' ELSE c.area END AS area,
        {_OPEN}, {_OVERDUE}
    FROM findings_findingcount x JOIN findings_control c ON c.id = x.control_id
    WHERE x.status = 'OPEN' AND {{of_cells}}
    GROUP BY GROUPING SETS ((x.account_id), (x.account_id, c.area))
    HAVING GROUPING(c.area) = 1 OR c.area <> ''
), keys AS (
    SELECT id AS account_id, area FROM inventory_account,
        unnest({AREAS}) AS area
    WHERE gone_at IS NULL AND {{of_accounts}}
)
INSERT INTO posture_accountday (account_id, day, area, {", ".join(KEPT)})
SELECT k.account_id, %(day)s, k.area, a.ou_id,
    {SCORED}, COALESCE(a.team_id, 0), a.criticality,
    {", ".join(f"COALESCE(s.{name}, 0)" for name in AMOUNTS.split(", "))},
    {", ".join(f"COALESCE(n.{name}, 0)" for name in TALLIES.split(", "))}
FROM keys k JOIN inventory_account a ON a.id = k.account_id
JOIN inventory_organizationalunit o ON o.id = a.ou_id
LEFT JOIN sums s ON s.account_id = k.account_id AND s.area = k.area
LEFT JOIN counts n ON n.account_id = k.account_id AND n.area = k.area
ORDER BY k.account_id, k.area
ON CONFLICT (account_id, area, day) DO UPDATE SET
    {", ".join(f"{name} = EXCLUDED.{name}" for name in KEPT)}
"""
DROP_GONE: Final = """
DELETE FROM posture_accountday d USING inventory_account a
WHERE d.day = %(day)s AND a.id = d.account_id AND a.gone_at IS NOT NULL
"""
