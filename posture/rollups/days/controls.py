"""The rows of controls: of each OU, and what each control was on a day."""

from typing import Final

from posture.rollups.days.columns import COUNTED, OF_ALL, SCORED, WEIGHT
from posture.scoring import SHARE_PLACES

_OU_KEPT: Final = (
    "passed, failed, excepted, unknown, accounts_failing, accounts, lost_weight, overdue"
)
_NAMES: Final = _OU_KEPT.split(", ")


def _lost(passed: str, failed: str, criticality: str) -> str:
    """Weight units that a cell of these counts loses."""
    weight = f"{WEIGHT} * {criticality}::numeric"
    return (
        f"CASE WHEN {passed} + {failed} > 0 AND {COUNTED} THEN {weight}"
        f" - round({weight} * {passed} / ({passed} + {failed}), {SHARE_PLACES}) ELSE 0 END"
    )


WAS: Final = """
CREATE TEMP TABLE was ON COMMIT DROP AS SELECT * FROM posture_oucontrol WHERE {of_ou_controls}
"""
DROP: Final = "DELETE FROM posture_oucontrol WHERE {of_ou_controls}"
ROWS: Final = f"""
WITH scored AS (
    SELECT a.id, a.criticality, o.path, o.organization_id FROM inventory_account a
    JOIN inventory_organizationalunit o ON o.id = a.ou_id
    WHERE a.gone_at IS NULL AND {SCORED}
), placed AS (
    SELECT u.id AS ou_id, s.id AS account_id, s.criticality FROM inventory_organizationalunit u
    JOIN scored s ON s.organization_id = u.organization_id AND starts_with(s.path, u.path)
    WHERE u.gone_at IS NULL
), cells AS (
    SELECT p.ou_id, p.criticality, x.* FROM placed p JOIN posture_cell x ON x.account_id = p.account_id
    JOIN findings_control c ON c.id = x.control_id AND NOT c.is_delegated_admin_only
    UNION ALL
    SELECT u.id, 1, x.* FROM posture_cell x
    JOIN inventory_account a ON a.id = x.account_id AND a.gone_at IS NULL
    JOIN inventory_organizationalunit u ON u.organization_id = a.organization_id AND u.depth = 0
    WHERE x.control_id = {OF_ALL}
)
INSERT INTO posture_oucontrol (ou_id, control_id, {_OU_KEPT})
SELECT x.ou_id, x.control_id, sum(x.passed), sum(x.failed), sum(x.excepted), sum(x.unknown),
    count(*) FILTER (WHERE x.failed > 0), count(*) FILTER (WHERE x.passed + x.failed > 0),
    sum({_lost("x.passed", "x.failed", "x.criticality")}),
    sum(x.overdue)
FROM cells x JOIN findings_control c ON c.id = x.control_id
GROUP BY x.ou_id, x.control_id ORDER BY 1, 2
"""
# By what the touched cells have moved since the sums were written: a control of many accounts costs
# what one of few does. A cell has counts, so a sum without any is that of no cell.
MOVE: Final = f"""
WITH states AS (
    SELECT w.account_id, w.control_id, -1 AS sign, w.was[1] AS passed, w.was[2] AS failed,
        w.was[3] AS excepted, w.was[4] AS unknown, w.was[5] AS overdue
    FROM (SELECT DISTINCT ON (account_id, control_id) account_id, control_id, was
        FROM posture_touchedcell WHERE was IS NOT NULL ORDER BY account_id, control_id, id) w
    UNION ALL
    SELECT x.account_id, x.control_id, 1, x.passed, x.failed, x.excepted, x.unknown, x.overdue
    FROM posture_cell x WHERE (x.account_id, x.control_id) IN (
        SELECT account_id, control_id FROM posture_touchedcell WHERE was IS NOT NULL)
), placed AS (
    SELECT a.id AS account_id, u.id AS ou_id, a.criticality, false AS is_of_all
    FROM inventory_account a JOIN inventory_organizationalunit o ON o.id = a.ou_id
    JOIN inventory_organizationalunit u
        ON u.organization_id = o.organization_id AND starts_with(o.path, u.path)
    WHERE a.id = ANY(%(accounts)s) AND a.gone_at IS NULL AND {SCORED} AND u.gone_at IS NULL
    UNION ALL
    SELECT a.id, u.id, 1, true FROM inventory_account a
    JOIN inventory_organizationalunit u ON u.organization_id = a.organization_id AND u.depth = 0
    WHERE a.id = ANY(%(accounts)s) AND a.gone_at IS NULL
), moved AS (
    SELECT p.ou_id, s.control_id, sum(s.sign * s.passed) AS passed, sum(s.sign * s.failed) AS failed,
        sum(s.sign * s.excepted) AS excepted, sum(s.sign * s.unknown) AS unknown,
        sum(CASE WHEN s.failed > 0 THEN s.sign ELSE 0 END) AS accounts_failing,
        sum(CASE WHEN s.passed + s.failed > 0 THEN s.sign ELSE 0 END) AS accounts,
        sum(s.sign * {_lost("s.passed", "s.failed", "p.criticality")}) AS lost_weight,
        sum(s.sign * s.overdue) AS overdue
    FROM states s JOIN findings_control c ON c.id = s.control_id
    JOIN placed p ON p.account_id = s.account_id AND p.is_of_all = c.is_delegated_admin_only
    GROUP BY 1, 2
), there AS (
    UPDATE posture_oucontrol o SET {", ".join(f"{name} = o.{name} + m.{name}" for name in _NAMES)}
    FROM moved m WHERE m.ou_id = o.ou_id AND m.control_id = o.control_id
    RETURNING o.ou_id, o.control_id
)
INSERT INTO posture_oucontrol (ou_id, control_id, {_OU_KEPT})
SELECT ou_id, control_id, {_OU_KEPT} FROM moved m WHERE NOT EXISTS (
    SELECT 1 FROM there t WHERE t.ou_id = m.ou_id AND t.control_id = m.control_id)
ORDER BY 1, 2
"""
DROP_EMPTY: Final = """
DELETE FROM posture_oucontrol
WHERE {of_ou_controls} AND passed + failed + excepted + unknown = 0
"""
# The past of the controls of an OU: what changed since they were last written.
PAST: Final = f"""
INSERT INTO posture_oucontrolday (ou_id, control_id, day, {_OU_KEPT})
SELECT ou_id, control_id, %(day)s,
    {", ".join(f"COALESCE(n.{name}, 0)" for name in _NAMES)}
FROM was o FULL JOIN (SELECT * FROM posture_oucontrol WHERE {{of_ou_controls}}) n
    USING (ou_id, control_id)
WHERE ({", ".join(f"o.{name}" for name in _NAMES)})
    IS DISTINCT FROM ({", ".join(f"n.{name}" for name in _NAMES)})
ORDER BY 1, 2
ON CONFLICT (ou_id, control_id, day) DO UPDATE SET
    {", ".join(f"{name} = EXCLUDED.{name}" for name in _NAMES)}
"""
_KEPT: Final = "severity, area, is_counted, is_enabled"
DAYS: Final = f"""
INSERT INTO posture_controlday (control_id, day, {_KEPT})
SELECT n.id, %(day)s, {", ".join(f"n.{name}" for name in _KEPT.split(", "))}
FROM (
    SELECT c.id, c.severity, c.area, {COUNTED} AS is_counted, c.status = 'ENABLED' AS is_enabled
    FROM findings_control c
) n LEFT JOIN LATERAL (
    SELECT * FROM posture_controlday d WHERE d.control_id = n.id AND d.day <= %(day)s
    ORDER BY d.day DESC LIMIT 1
) o ON true
WHERE (o.severity, o.area, o.is_counted, o.is_enabled)
    IS DISTINCT FROM (n.severity, n.area, n.is_counted, n.is_enabled)
ORDER BY 1
ON CONFLICT (control_id, day) DO UPDATE SET
    {", ".join(f"{name} = EXCLUDED.{name}" for name in _KEPT.split(", "))}
"""
