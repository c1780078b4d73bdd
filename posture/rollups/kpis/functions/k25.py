"""K25: of the threats that had to be acknowledged, how many were, within their time.

Acknowledged is the first change of Workflow.Status from NEW that Parapet saw. Where it is told by
events that is the moment itself; where it is read now and then, the moment of the reading: late is
what cannot be shown to have been in time.
"""

from datetime import date, datetime
from typing import Final

from inventory.models import Organization
from posture.rollups.kpis import episodes
from posture.rollups.kpis.rows import Select

DAYS: Final = 28
CONTROL: Final = "GuardDuty.Finding"

# What was suppressed first was decided by a rule and is left out. What was met when it was no longer
# NEW was acknowledged before, but nobody knows when: in time if we met it in time, else left out. A
# change after the end of the day tells what the workflow was until then, and nothing more.
_ROWS: Final = f"""
WITH threats AS (
    SELECT e.account_id, e.severity, e.finding_id, e.opened_at, f.workflow, f.created_at
        + CASE e.severity WHEN 'CRITICAL' THEN interval '15 minutes' ELSE interval '4 hours' END AS due_at
    FROM findings_episode e JOIN findings_finding f ON f.id = e.finding_id
    WHERE {episodes.IS_GRAVE} AND e.opened_at > %(before)s AND e.opened_at < %(as_of)s
        AND e.control_id IN (SELECT id FROM findings_control
            WHERE organization_id = %(organization)s AND control_id = %(control)s)
), told AS (
    SELECT t.*, CASE WHEN w.at < %(as_of)s THEN w.at END AS at, w.after, COALESCE(w.before, t.workflow) AS met
    FROM threats t LEFT JOIN LATERAL (SELECT x.at, x.before, x.after FROM findings_workflowchange x
        WHERE x.finding_id = t.finding_id
        ORDER BY x.at, x.id LIMIT 1) w ON true
    WHERE t.due_at > %(since)s AND t.due_at <= %(as_of)s
), judged AS (
    SELECT account_id, severity, CASE
        WHEN met = 'SUPPRESSED' OR (met = 'NEW' AND after = 'SUPPRESSED' AND at IS NOT NULL) THEN NULL
        WHEN met = 'NEW' THEN COALESCE(at <= due_at, false)
        WHEN opened_at <= due_at THEN true END AS is_in_time
    FROM told
), sums AS (
    SELECT account_id, severity, count(*) FILTER (WHERE is_in_time) AS kept, count(is_in_time) AS due
    FROM judged GROUP BY 1, 2
)
SELECT a.account_id, p.part, COALESCE(sum(s.kept), 0), COALESCE(sum(s.due), 0), a.covered, 1
FROM flow_accounts_of_day a CROSS JOIN (VALUES ('', NULL), ('critical', 'CRITICAL'), ('high', 'HIGH'))
    p (part, severity)
LEFT JOIN sums s ON s.account_id = a.account_id
    AND (p.severity IS NULL OR s.severity = p.severity)
GROUP BY a.account_id, p.part, a.covered
HAVING p.part = '' OR sum(s.due) > 0
"""


def k25(day: date, *, organization: Organization, now: datetime) -> Select:
    """A row for each scored account and part. One statement."""
    told = episodes.values(day, organization=organization, now=now, since=DAYS, before=DAYS + 1)
    return episodes.rows(_ROWS, told | {"control": CONTROL})
