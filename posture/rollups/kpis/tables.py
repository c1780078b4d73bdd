"""What the SQL and the functions of KPIs read while a day is filled: temporary tables of that day.

`accounts_of_day`      account_id (key), aws_id, ou_id, path, role, label, depth, team_key,
                       environment, tags, criticality, joined_at, is_management; is_scored: counts in
                       scores; is_active: ACTIVE, and not in a suspended OU
`controls_of_day`      control_id (key), control, weight, is_counted (scored, no longer provisional),
                       is_enabled, is_account_level; none that only a delegated administrator reports
`cells_of_day`         account_id, control, weight (by severity and criticality), is_counted, passed,
                       failed, excepted, unknown; of the accounts and controls above
`whole_of_day`         one row: the sums of OuDay that no account brings, but the organisation
`attested_of_day`      account_id, subject, attested_on: what is attested, valid and not withdrawn
`facts_of_day`         account_id, region, key, value: what is known and not stale, of the present
                       alone; empty for a day that is over
`flow_…_of_day`        what KPIs of flow have in common: made by episodes.py when first asked for
`regions_of_day`       account_id, region: every ACTIVE account and each of its enabled Regions, of
                       the present alone
"""

from datetime import date, datetime
from typing import Any, Final

from django.db import connection

from inventory.models import Organization
from posture.models import RollupState
from posture.rollups import facts
from posture.scoring import STALE_AFTER, WEIGHTS

_NAMES: Final = (
    "flow_of_day, flow_accounts_of_day, regions_of_day, attested_of_day, whole_of_day,"
    " controls_of_day, accounts_of_day"
)
_WEIGHT: Final = (
    "CASE severity "
    + " ".join(f"WHEN '{severity}' THEN {weight}" for severity, weight in WEIGHTS.items())
    + " ELSE 0 END"
)
_ACCOUNTS: Final = """
CREATE TEMP TABLE accounts_of_day ON COMMIT DROP AS
SELECT d.account_id, a.account_id AS aws_id, d.ou_id, u.path, u.role, u.label, u.depth,
    d.team_key, a.environment, a.tags, d.criticality, a.joined_at, d.is_scored,
    d.is_scored OR %(is_today)s AND a.state = 'ACTIVE' AND u.role <> 'SUSPENDED' AS is_active,
    a.account_id = o.management_account_id AS is_management
FROM posture_accountday d JOIN inventory_account a ON a.id = d.account_id
JOIN inventory_organization o ON o.id = a.organization_id
JOIN inventory_organizationalunit u ON u.id = d.ou_id
WHERE d.day = %(day)s AND d.area = '' AND a.organization_id = %(organization)s
"""
_CONTROLS: Final = f"""
CREATE TEMP TABLE controls_of_day ON COMMIT DROP AS
SELECT id AS control_id, control_id AS control, {_WEIGHT}::numeric AS weight,
    is_scored AND (scored_from IS NULL OR scored_from <= %(day)s) AS is_counted,
    status = 'ENABLED' AS is_enabled, is_account_level
FROM findings_control WHERE organization_id = %(organization)s AND NOT is_delegated_admin_only
"""
# One step down the index for each control; before its first row it is taken as it is now.
_EARLIER_CONTROLS: Final = f"""
CREATE TEMP TABLE controls_of_day ON COMMIT DROP AS
SELECT id AS control_id, control_id AS control, {_WEIGHT}::numeric AS weight, is_counted,
    is_enabled, is_account_level
FROM (
    SELECT c.id, c.control_id, c.is_account_level, COALESCE(d.severity, c.severity) AS severity,
        COALESCE(d.is_counted, c.is_scored AND (c.scored_from IS NULL OR c.scored_from <= %(day)s))
            AS is_counted,
        COALESCE(d.is_enabled, c.status = 'ENABLED') AS is_enabled
    FROM findings_control c
    LEFT JOIN LATERAL (SELECT * FROM posture_controlday d
        WHERE d.control_id = c.id AND d.day <= %(day)s ORDER BY d.day DESC LIMIT 1) d ON true
    WHERE c.organization_id = %(organization)s AND NOT c.is_delegated_admin_only
) c
"""
# A view, so that a KPI reads the cells of its controls by their index.
_CELL: Final = """
CREATE OR REPLACE TEMP VIEW cells_of_day AS
SELECT a.account_id, c.control, c.weight * a.criticality AS weight, c.is_counted, x.passed,
    x.failed, x.excepted, x.unknown
FROM {cells}
WHERE x.passed + x.failed + x.excepted + x.unknown > 0
"""
_CELLS: Final = _CELL.format(
    cells="""posture_cell x JOIN accounts_of_day a ON a.account_id = x.account_id
    JOIN controls_of_day c ON c.control_id = x.control_id"""
)
# One step down the index for each cell that there may have been.
_EARLIER_CELLS: Final = _CELL.format(
    cells="""accounts_of_day a CROSS JOIN controls_of_day c
    CROSS JOIN LATERAL (SELECT * FROM posture_cellday x
        WHERE x.account_id = a.account_id AND x.control_id = c.control_id AND x.day <= %(day)s
        ORDER BY x.day DESC LIMIT 1) x"""
)
_SUMS: Final = (
    "managed_n",
    "managed_d",
    "raw_n",
    "raw_d",
    "coverage_n",
    "coverage_d",
    "exception_n",
    "exception_d",
)
# What only the delegated administrator reports counts in the root, and in no account.
_WHOLE: Final = f"""
CREATE TEMP TABLE whole_of_day ON COMMIT DROP AS
SELECT {", ".join(f"o.{name} - COALESCE(sum(d.{name}), 0) AS {name}" for name in _SUMS)}
FROM posture_ouday o JOIN inventory_organizationalunit u ON u.id = o.ou_id AND u.depth = 0
    AND u.organization_id = %(organization)s
LEFT JOIN accounts_of_day a ON a.is_scored
LEFT JOIN posture_accountday d ON d.account_id = a.account_id AND d.day = %(day)s AND d.area = ''
WHERE o.day = %(day)s AND o.area = ''
GROUP BY o.id
"""
_ATTESTED: Final = """
CREATE TEMP TABLE attested_of_day ON COMMIT DROP AS
SELECT a.account_id, t.subject, max(t.attested_on) AS attested_on
FROM posture_attestation t JOIN accounts_of_day a
    ON (t.account_id = a.account_id OR t.team_id = a.team_key
        OR t.account_id IS NULL AND t.team_id IS NULL)
WHERE t.organization_id = %(organization)s AND t.attested_on <= %(day)s
    AND t.expires_on > %(day)s AND (t.withdrawn_on IS NULL OR t.withdrawn_on > %(day)s)
GROUP BY 1, 2
"""
_FACTS: Final = """
CREATE OR REPLACE TEMP VIEW facts_of_day AS
SELECT f.account_id, f.region, f.key, f.value, a.is_active
FROM inventory_accountfact f JOIN accounts_of_day a ON a.account_id = f.account_id
WHERE f.state = 'KNOWN' AND %(is_today)s AND f.as_of > %(fresh_since)s
"""
# A Region that is on by default cannot be switched off: it is on where nobody has told.
_REGIONS: Final = """
CREATE TEMP TABLE regions_of_day ON COMMIT DROP AS
WITH told AS (
    SELECT a.account_id, f.region, f.value #>> '{}' AS status
    FROM accounts_of_day a JOIN inventory_accountfact f ON f.account_id = a.account_id
    WHERE f.key = 'region.status' AND f.state = 'KNOWN' AND a.is_active AND %(is_today)s
), everywhere AS (
    SELECT DISTINCT region FROM told WHERE status = 'ENABLED_BY_DEFAULT'
    UNION SELECT home_region FROM inventory_organization
    WHERE id = %(organization)s AND home_region <> ''
)
SELECT account_id, region FROM told WHERE status IN ('ENABLED', 'ENABLED_BY_DEFAULT')
UNION ALL
SELECT a.account_id, e.region FROM accounts_of_day a CROSS JOIN everywhere e
WHERE a.is_active AND %(is_today)s
    AND NOT EXISTS (SELECT 1 FROM told t WHERE t.account_id = a.account_id)
"""


def prepare(day: date, *, organization: Organization, now: datetime) -> int:
    """Make the tables of the day; returns how many accounts it has, 0 where it was not rolled up.

    They last until the transaction ends.
    """
    values = values_of(day, organization=organization, now=now) | {
        "fresh_since": now - facts.hold(now)
    }
    is_newest = RollupState.objects.filter(name="scores", day=day).exists()
    statements = (
        _ACCOUNTS,
        _CONTROLS if is_newest else _EARLIER_CONTROLS,
        _CELLS if is_newest else _EARLIER_CELLS,
        _WHOLE,
        _ATTESTED,
        _FACTS,
        _REGIONS,
    )
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {_NAMES} CASCADE")
        for statement in statements:
            cursor.execute(statement, values)
            if statement is _ACCOUNTS:
                cursor.execute("SELECT count(*) FROM accounts_of_day")
                accounts = int(cursor.fetchone()[0])
                cursor.execute("ANALYZE accounts_of_day")
        cursor.execute("ANALYZE controls_of_day, attested_of_day, regions_of_day")
    return accounts


def values_of(day: date, *, organization: Organization, now: datetime) -> dict[str, Any]:
    """The parameters of every statement."""
    return {
        "day": day,
        "now": now,
        "organization": organization.pk,
        "is_today": day == now.date(),
        "stale_after": STALE_AFTER,
    }
