"""Findings that invariants in force should have made impossible, and preventable ones that recur.

Counted after each evaluation of coverage, of the controls that the newest versions of the invariants
name. Counts of findings come from their own rollup; single findings are read only in accounts where an
invariant is in force and there are any open, to tell those that were there before it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction

from findings.queries import hints
from invariants.models import Invariant, InvariantControl, PreventionCount
from invariants.models.violations import Stops
from inventory.models import Organization

RECENT: Final = timedelta(days=90)
# Kinds of findings/data/preventive_controls.yaml by the type of an invariant.
_KINDS: Final[Mapping[str, str]] = {
    "SERVICE_CONTROL_POLICY": "SCP",
    "RESOURCE_CONTROL_POLICY": "RCP",
    "DECLARATIVE_POLICY_EC2": "DECLARATIVE",
    "S3_POLICY": "S3_POLICY",
    "GUARDDUTY_POLICY": "GUARDDUTY_POLICY",
    "INSPECTOR_POLICY": "INSPECTOR_POLICY",
    "PERMISSIONS_BOUNDARY": "BOUNDARY",
}
# Pseudo-controls of findings/data/control_areas.yaml.
_ANALYZER: Final = "AccessAnalyzer."

_PREVENTED: Final = """
CREATE TEMP TABLE prevented ON COMMIT DROP AS
SELECT i.id AS invariant_id, c.id AS control_id, x.stops = 'FINDING' AS stops_finding
FROM invariants_invariantcontrol x
JOIN invariants_invariant i ON i.id = x.invariant_id AND i.gone_at IS NULL
JOIN findings_control c ON c.control_id = x.control_key AND c.organization_id = i.organization_id
WHERE i.organization_id = %(organization)s
"""
# Where an invariant is in force and findings of its controls are open.
_OPEN: Final = """
CREATE TEMP TABLE counted ON COMMIT DROP AS
SELECT v.invariant_id, s.account_id, v.control_id, v.stops_finding, s.since,
    sum(n.findings)::int AS open
FROM prevented v
JOIN findings_findingcount n ON n.control_id = v.control_id AND n.status = 'OPEN'
JOIN invariants_coverage s ON s.invariant_id = v.invariant_id AND s.account_id = n.account_id
    AND s.state IN ('ENFORCED', 'CARVED_OUT')
GROUP BY 1, 2, 3, 4, 5
"""
_BEFORE: Final = """
CREATE TEMP TABLE violated ON COMMIT DROP AS
WITH before AS (
    SELECT c.invariant_id, c.account_id, c.control_id, count(*) AS findings
    FROM findings_finding f
    JOIN counted c ON c.account_id = f.account_id AND c.control_id = f.control_id
    WHERE f.status = 'OPEN' AND f.opened_at < c.since
    GROUP BY 1, 2, 3)
SELECT c.invariant_id, c.account_id, c.control_id, c.stops_finding, c.open,
    LEAST(c.open, COALESCE(b.findings, 0))::int AS from_before
FROM counted c LEFT JOIN before b USING (invariant_id, account_id, control_id)
"""
# Only what is another than stored is written.
_DROP: Final = """
DELETE FROM invariants_violation o USING invariants_invariant i WHERE i.id = o.invariant_id
    AND i.organization_id = %(organization)s AND NOT EXISTS (SELECT 1 FROM violated n
        WHERE n.invariant_id = o.invariant_id AND n.account_id = o.account_id
            AND n.control_id = o.control_id)
"""
_STORE: Final = """
INSERT INTO invariants_violation AS o
    (invariant_id, account_id, control_id, stops_finding, open, from_before)
SELECT invariant_id, account_id, control_id, stops_finding, open, from_before FROM violated
ORDER BY 1, 2, 3
ON CONFLICT (invariant_id, account_id, control_id) DO UPDATE
    SET open = EXCLUDED.open, from_before = EXCLUDED.from_before,
        stops_finding = EXCLUDED.stops_finding
    WHERE (o.open, o.from_before, o.stops_finding)
        <> (EXCLUDED.open, EXCLUDED.from_before, EXCLUDED.stops_finding)
"""
_RECURRING: Final = """
CREATE TEMP TABLE recurring ON COMMIT DROP AS
WITH in_force AS (
    SELECT DISTINCT s.account_id, v.control_id
    FROM prevented v
    JOIN invariants_coverage s ON s.invariant_id = v.invariant_id
        AND s.state IN ('ENFORCED', 'CARVED_OUT')
    WHERE v.stops_finding)
SELECT x.account_id, x.control_id, sum(x.open)::int AS open, sum(x.opened)::int AS opened,
    sum(x.reopened)::int AS reopened, bool_or(p.account_id IS NOT NULL) AS is_prevented
FROM (
    SELECT account_id, control_id, findings AS open, 0 AS opened, 0 AS reopened
    FROM findings_findingcount WHERE status = 'OPEN' AND control_id = ANY(%(controls)s)
    UNION ALL
    SELECT e.account_id, e.control_id, 0, (e.opened_at >= %(since)s)::int,
        (COALESCE(e.resumed_at >= %(since)s, false) OR (e.opened_at >= %(since)s AND EXISTS (
            SELECT 1 FROM findings_episode b
            WHERE b.finding_id = e.finding_id AND b.opened_at < e.opened_at)))::int
    FROM findings_episode e WHERE e.control_id = ANY(%(controls)s)
        AND (e.opened_at >= %(since)s OR e.resumed_at >= %(since)s)
) x
JOIN inventory_account a ON a.id = x.account_id AND a.gone_at IS NULL
    AND a.organization_id = %(organization)s
LEFT JOIN in_force p ON p.account_id = x.account_id AND p.control_id = x.control_id
GROUP BY 1, 2
"""
_DROP_RECURRING: Final = """
DELETE FROM invariants_recurrence o USING inventory_account a
WHERE a.id = o.account_id AND a.organization_id = %(organization)s AND NOT EXISTS (
    SELECT 1 FROM recurring n WHERE n.account_id = o.account_id AND n.control_id = o.control_id)
"""
_STORE_RECURRING: Final = """
INSERT INTO invariants_recurrence AS o
    (account_id, control_id, open, opened, reopened, is_prevented)
SELECT account_id, control_id, open, opened, reopened, is_prevented FROM recurring ORDER BY 1, 2
ON CONFLICT (account_id, control_id) DO UPDATE SET open = EXCLUDED.open, opened = EXCLUDED.opened,
    reopened = EXCLUDED.reopened, is_prevented = EXCLUDED.is_prevented
    WHERE (o.open, o.opened, o.reopened, o.is_prevented)
        <> (EXCLUDED.open, EXCLUDED.opened, EXCLUDED.reopened, EXCLUDED.is_prevented)
"""
_CONTROLS: Final = """
SELECT id FROM findings_control
WHERE organization_id = %(organization)s AND (id IN (SELECT control_id FROM prevented)
    OR control_id = ANY(%(keys)s))
"""


@transaction.atomic
def rebuild(organization: Organization, *, now: datetime) -> dict[str, int]:
    """Count violations and recurrences anew; returns how many rows of each were written."""
    follow_catalogue(organization)
    values: dict[str, Any] = {
        "organization": organization.pk,
        "since": now - RECENT,
        "keys": sorted(hints.preventable()),
    }
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS prevented, counted, violated, recurring")
        cursor.execute(_PREVENTED, values)
        cursor.execute("ANALYZE prevented")
        cursor.execute(_OPEN, values)
        cursor.execute("ANALYZE counted")
        cursor.execute(_BEFORE, values)
        cursor.execute("ANALYZE violated")
        cursor.execute(_DROP, values)
        cursor.execute(_STORE, values)
        violations = int(cursor.rowcount)
        cursor.execute(_CONTROLS, values)
        values["controls"] = [row[0] for row in cursor.fetchall()]
        cursor.execute(_RECURRING, values)
        cursor.execute("ANALYZE recurring")
        cursor.execute(_DROP_RECURRING, values)
        cursor.execute(_STORE_RECURRING, values)
        recurrences = int(cursor.rowcount)
    PreventionCount.objects.update_or_create(organization=organization, defaults={"at": now})
    return {"violations": violations, "recurrences": recurrences}


def follow_catalogue(organization: Organization) -> int:
    """Keep which controls the invariants prevent, as their newest versions say; returns how many."""
    live = Invariant.objects.filter(organization=organization, gone_at=None)
    rows = live.exclude(version=None).values_list("pk", "type", "version__content__detects")
    wanted = {
        (pk, control): _stops(kind, control)
        for pk, kind, detects in rows
        for control in controls_of(detects)
    }
    stored = {
        (row.invariant_id, row.control_key): row
        for row in InvariantControl.objects.filter(invariant__organization=organization)
    }
    stale = [
        row.pk for place, row in stored.items() if place not in wanted or row.stops != wanted[place]
    ]
    InvariantControl.objects.filter(pk__in=stale).delete()
    InvariantControl.objects.bulk_create(
        InvariantControl(invariant_id=pk, control_key=control, stops=stops)
        for (pk, control), stops in sorted(wanted.items())
        if (pk, control) not in stored or stored[pk, control].stops != stops
    )
    return len(wanted)


def controls_of(detects: Any) -> Iterable[str]:
    """The controls that a version says it prevents, Access Analyzer's by their pseudo-controls."""
    found = detects if isinstance(detects, dict) else {}
    return sorted(
        {
            *(str(name) for name in found.get("security_hub") or ()),
            *(f"{_ANALYZER}{name}" for name in found.get("access_analyzer") or ()),
        }
    )


def _stops(invariant_type: str, control: str) -> Stops:
    """How far an invariant of this type goes; the catalogue is taken at its word where nothing is known."""
    kind = _KINDS.get(invariant_type, "")
    known = [hint for hint in hints.for_control(control) if hint.kind == kind]
    is_risk = bool(known) and not any(hint.stops_finding for hint in known)
    return Stops.RISK if is_risk else Stops.FINDING
