-- Contact, runbook and exercise of each account; and where Inspector scans. Regions without Inspector
-- are out of scope; what its administrator does not tell is not scanned.
WITH contact AS (
    SELECT account_id, bool_or(value = 'true') AS is_set FROM facts_of_day
    WHERE key = 'contact.security' GROUP BY account_id
), checked AS (
    SELECT account_id, passed > 0 AND failed = 0 AS passes FROM cells_of_day
    WHERE control = 'Account.1' AND passed + failed > 0
), attested AS (
    SELECT account_id, bool_or(subject = 'RUNBOOK') AS runbook,
        bool_or(subject = 'IR_EXERCISE' AND attested_on > %(day)s::date - 366) AS exercise
    FROM attested_of_day GROUP BY account_id
), answers AS (
    SELECT a.account_id, COALESCE(c.is_set, k.passes) AS contact,
        COALESCE(v.runbook, false) AS runbook, COALESCE(v.exercise, false) AS exercise
    FROM accounts_of_day a LEFT JOIN contact c ON c.account_id = a.account_id
    LEFT JOIN checked k ON k.account_id = a.account_id
    LEFT JOIN attested v ON v.account_id = a.account_id
    WHERE a.is_active
), inspector AS (
    SELECT r.account_id, r.region, count(f.key) AS told,
        COALESCE(bool_and(f.value = 'true'), false) AS is_on,
        EXISTS (SELECT 1 FROM inventory_accountfact u WHERE u.account_id = r.account_id
            AND u.region = r.region AND u.key = 'inspector.ec2' AND u.state = 'UNAVAILABLE')
            AS is_unavailable
    FROM regions_of_day r LEFT JOIN facts_of_day f ON f.account_id = r.account_id
        AND f.region = r.region AND f.key IN ('inspector.ec2', 'inspector.ecr', 'inspector.lambda')
    GROUP BY r.account_id, r.region
)
SELECT x.account_id, p.part, COALESCE(p.holds, false)::int, 1, (p.holds IS NOT NULL)::int, 1
FROM answers x CROSS JOIN LATERAL (VALUES
    ('', COALESCE(x.contact, false) AND x.runbook AND x.exercise), ('contact', x.contact),
    ('runbook', x.runbook), ('exercise', x.exercise)
) p (part, holds)
UNION ALL
SELECT account_id, 'inspector', count(*) FILTER (WHERE is_on AND told = 3), count(*),
    count(*) FILTER (WHERE told = 3 OR told > 0 AND NOT is_on), count(*)
FROM inspector WHERE NOT is_unavailable GROUP BY account_id
