"""The rows of OUs: sums over the accounts below them, whole or by what one account's rows moved."""

from typing import Final

from posture.rollups.days.columns import AMOUNTS, AREAS, COUNTED, OF_ALL, TALLIES, WEIGHT, shares

_SUMMED: Final = [*f"{AMOUNTS}, {TALLIES}".split(", ")]
# Scores are of scored accounts; open findings are of all, because the findings list shows them all.
# What only the delegated administrator reports is about the whole: it counts in the root, once.
_SUMS: Final = [
    f"COALESCE(sum(d.{name}) FILTER (WHERE d.is_scored), 0) + COALESCE(min(w.{name}), 0)"
    for name in AMOUNTS.split(", ")
] + [f"COALESCE(sum(d.{name}), 0)" for name in TALLIES.split(", ")]
# How many accounts of the row `d` each of the last ones counts: 1 or none.
_COUNTS: Final = {
    "accounts": "d.is_scored",
    "accounts_evaluated": "d.is_scored AND d.managed_d > 0",
    "accounts_total": "d.id IS NOT NULL",
    "accounts_overdue_critical": "d.is_scored AND d.overdue_critical > 0",
    "accounts_overdue_high": "d.is_scored AND d.overdue_high > 0",
}
_KEPT: Final = [*_SUMMED, *_COUNTS]
# An OU is the sum over the accounts below it: never the mean of its children.
ROWS: Final = f"""
WITH shares AS (
    SELECT a.organization_id, c.area, {WEIGHT}::numeric AS w, x.passed AS p, x.failed AS f,
        x.excepted AS e, x.unknown AS u
    FROM posture_cell x JOIN findings_control c ON c.id = x.control_id
    JOIN inventory_account a ON a.id = x.account_id AND a.gone_at IS NULL
    WHERE x.control_id = {OF_ALL} AND {COUNTED}
), whole AS ({shares("organization_id")})
INSERT INTO posture_ouday (ou_id, day, area, {", ".join(_KEPT)})
SELECT u.id, %(day)s, x.area,
    {", ".join(_SUMS)},
    {", ".join(f"count(*) FILTER (WHERE {counted})" for counted in _COUNTS.values())}
FROM inventory_organizationalunit u
CROSS JOIN unnest({AREAS}) x (area)
LEFT JOIN inventory_organizationalunit b
    ON b.organization_id = u.organization_id AND starts_with(b.path, u.path)
LEFT JOIN posture_accountday d ON d.ou_id = b.id AND d.day = %(day)s AND d.area = x.area
LEFT JOIN whole w ON w.organization_id = u.organization_id AND w.area = x.area AND u.depth = 0
WHERE u.gone_at IS NULL AND {{of_ous}}
    AND EXISTS (SELECT 1 FROM posture_accountday WHERE day = %(day)s)
GROUP BY u.id, x.area ORDER BY u.id, x.area
ON CONFLICT (ou_id, area, day) DO UPDATE SET
    {", ".join(f"{name} = EXCLUDED.{name}" for name in _KEPT)}
"""

# The rows of the touched accounts as they are in the sums. Where the inventory is the same, these rows
# are all that a sum can have changed by, and an OU of thousands of accounts costs what a small one does.
WAS: Final = """
CREATE TEMP TABLE accounts_were ON COMMIT DROP AS
SELECT * FROM posture_accountday WHERE day = %(day)s AND account_id = ANY(%(accounts)s)
"""
_ONE: Final = [
    *(f"CASE WHEN d.is_scored THEN d.{name} ELSE 0 END AS {name}" for name in AMOUNTS.split(", ")),
    *(f"d.{name}" for name in TALLIES.split(", ")),
    *(f"CASE WHEN {counted} THEN 1 ELSE 0 END AS {name}" for name, counted in _COUNTS.items()),
]
MOVE: Final = f"""
WITH moves AS (
    SELECT d.ou_id, d.area, 1 AS sign, {", ".join(_ONE)}
    FROM posture_accountday d WHERE d.day = %(day)s AND d.account_id = ANY(%(accounts)s)
    UNION ALL
    SELECT d.ou_id, d.area, -1, {", ".join(_ONE)} FROM accounts_were d
), moved AS (
    SELECT u.id AS ou_id, m.area, {", ".join(f"sum(m.sign * m.{name}) AS {name}" for name in _KEPT)}
    FROM moves m JOIN inventory_organizationalunit b ON b.id = m.ou_id
    JOIN inventory_organizationalunit u
        ON u.organization_id = b.organization_id AND starts_with(b.path, u.path)
    WHERE u.id = ANY(%(ous)s) GROUP BY 1, 2
)
UPDATE posture_ouday o SET {", ".join(f"{name} = o.{name} + m.{name}" for name in _KEPT)}
FROM moved m WHERE o.ou_id = m.ou_id AND o.area = m.area AND o.day = %(day)s
    AND ({", ".join(f"m.{name}" for name in _KEPT)}) <> ({", ".join("0" for _ in _KEPT)})
"""
