"""When the findings of the world were open: now, before, and what became of those that are not."""

from typing import Final

from bench.world.findings import CLOCK, chance

# Three kinds of stretches: of what is open; of what is open and was before; of what passes or is
# gone and was open once, most of which was mended before it was due.
_LENGTH: Final = f"days * -0.55 * ln(1 - {chance('f.id', 21)})"
_STRETCHES: Final = f"""
SELECT f.id, f.opened_at, NULL::timestamptz AS closed_at, '' AS reason, f.due_at, f.sla_rule AS rule
FROM findings_finding f WHERE f.status = 'OPEN'
UNION ALL
SELECT f.id, f.created_at, f.created_at + interval '40 days' * {chance("f.id", 22)}, 'PASSED',
    f.created_at + clock.days, 'severity:' || f.severity
FROM findings_finding f {CLOCK.format("f.severity")}
WHERE f.status = 'OPEN' AND f.created_at < f.opened_at
UNION ALL
SELECT f.id, f.created_at, f.created_at + {_LENGTH}, CASE
        WHEN f.status = 'PASSED' THEN CASE WHEN {chance("f.id", 23)} < 0.95 THEN 'PASSED'
            ELSE 'RESOLVED' END
        WHEN {chance("f.id", 23)} < 0.75 THEN 'ARCHIVED' WHEN {chance("f.id", 23)} < 0.85 THEN 'RESOLVED'
        ELSE 'VANISHED' END, f.created_at + clock.days, 'severity:' || f.severity
FROM findings_finding f {CLOCK.format("f.severity")}
WHERE {chance("f.id", 24)} < CASE f.status WHEN 'PASSED' THEN 0.3 WHEN 'CLOSED' THEN 0.9 ELSE 0 END
    AND f.created_at + {_LENGTH} < %(now)s - interval '1 hour'
"""
# One in twenty lapsed and came back. A row is written anew when it closes, so it lies among those of
# that time.
EPISODES: Final = f"""
INSERT INTO findings_episode (finding_id, opened_at, closed_at, close_reason, resumed, lapsed_at,
    resumed_at, excepted_at, account_id, control_id, severity, due_at, sla_rule)
SELECT f.id, e.opened_at, e.closed_at, e.reason, (x.lapsed_at IS NOT NULL)::int, x.lapsed_at,
    x.lapsed_at + LEAST(interval '14 days', span / 4) * {chance("f.id", 27)},
    CASE WHEN f.is_excepted THEN e.opened_at + span / 2 END,
    f.account_id, f.control_id, f.severity, e.due_at, COALESCE(e.rule, '')
FROM ({_STRETCHES}) e JOIN findings_finding f ON f.id = e.id
CROSS JOIN LATERAL (SELECT COALESCE(e.closed_at, %(now)s) - e.opened_at AS span) s
CROSS JOIN LATERAL (SELECT CASE WHEN {chance("f.id", 25)} < 0.05 AND span > interval '4 days'
    THEN e.opened_at + span * (0.2 + 0.5 * {chance("f.id", 26)}) END AS lapsed_at) x
ORDER BY COALESCE(e.closed_at, e.opened_at), f.id
"""
# Each finding on a vulnerability names one of three thousand.
VULNERABILITIES: Final = f"""
INSERT INTO findings_findingvulnerability (finding_id, cve, has_fix)
SELECT f.id, 'CVE-2026-' || (10000 + floor(3000 * {chance("f.id", 28)} ^ 2)::int), true
FROM findings_finding f JOIN findings_control c ON c.id = f.control_id
WHERE c.control_id = 'Inspector.Vulnerability'
"""
