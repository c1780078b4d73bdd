"""The rows of controls: of each OU, and what each control was on a day."""

from typing import Final

from posture.rollups.days.columns import COUNTED, OF_ALL, SCORED, WEIGHT
from posture.scoring import SHARE_PLACES

_OU_KEPT: Final = (
    "passed, failed, excepted, unknown, accounts_failing, accounts, lost_weight, overdue"
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
    WHERE u.gone_at IS NULL AND {{of_ous}}
), cells AS (
    SELECT p.ou_id, p.criticality, x.* FROM placed p JOIN posture_cell x ON x.account_id = p.account_id
    JOIN findings_control c ON c.id = x.control_id AND NOT c.is_delegated_admin_only
    WHERE {{of_controls}}
    UNION ALL
    SELECT u.id, 1, x.* FROM posture_cell x
    JOIN inventory_account a ON a.id = x.account_id AND a.gone_at IS NULL
    JOIN inventory_organizationalunit u ON u.organization_id = a.organization_id AND u.depth = 0
    WHERE x.control_id = {OF_ALL} AND {{of_ous}} AND {{of_controls}}
)
INSERT INTO posture_oucontrol (ou_id, control_id, {_OU_KEPT})
SELECT x.ou_id, x.control_id, sum(x.passed), sum(x.failed), sum(x.excepted), sum(x.unknown),
    count(*) FILTER (WHERE x.failed > 0), count(*) FILTER (WHERE x.passed + x.failed > 0),
    sum(CASE WHEN x.passed + x.failed > 0 AND {COUNTED} THEN {WEIGHT} * x.criticality::numeric
        - round({WEIGHT} * x.criticality::numeric * x.passed / (x.passed + x.failed), {SHARE_PLACES})
        ELSE 0 END),
    sum(x.overdue)
FROM cells x JOIN findings_control c ON c.id = x.control_id
GROUP BY x.ou_id, x.control_id ORDER BY 1, 2
"""
# The past of the controls of an OU: what changed since they were last written.
PAST: Final = f"""
INSERT INTO posture_oucontrolday (ou_id, control_id, day, {_OU_KEPT})
SELECT ou_id, control_id, %(day)s,
    {", ".join(f"COALESCE(n.{name}, 0)" for name in _OU_KEPT.split(", "))}
FROM was o FULL JOIN (SELECT * FROM posture_oucontrol WHERE {{of_ou_controls}}) n
    USING (ou_id, control_id)
WHERE ({", ".join(f"o.{name}" for name in _OU_KEPT.split(", "))})
    IS DISTINCT FROM ({", ".join(f"n.{name}" for name in _OU_KEPT.split(", "))})
ORDER BY 1, 2
ON CONFLICT (ou_id, control_id, day) DO UPDATE SET
    {", ".join(f"{name} = EXCLUDED.{name}" for name in _OU_KEPT.split(", "))}
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
