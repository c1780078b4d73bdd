-- Unused access that has been reported for more than 30 days, for every 100 roles and users. Without an
-- analyzer of unused access nothing is known.
WITH unused AS (
    SELECT x.account_id, sum(x.findings) AS findings FROM findings_findingcount x
    JOIN controls_of_day c ON c.control_id = x.control_id
    WHERE c.control LIKE 'AccessAnalyzer.Unused%%' AND x.status = 'OPEN' AND NOT x.is_excepted
        AND x.age IN ('QUARTER', 'OLDER')
    GROUP BY x.account_id
), analyzer AS (
    SELECT EXISTS (SELECT 1 FROM findings_findingcount x
        JOIN controls_of_day c ON c.control_id = x.control_id
        WHERE c.control LIKE 'AccessAnalyzer.Unused%%') AS is_there
), principals AS (
    SELECT account_id, sum((value #>> '{}')::numeric) AS number FROM facts_of_day
    WHERE key IN ('iam.roles', 'iam.users') GROUP BY account_id HAVING count(*) = 2
), policies AS (
    SELECT account_id, sum(failed) AS failed, sum(passed + failed + excepted) AS checked,
        sum(passed + failed + excepted + unknown) AS expected
    FROM cells_of_day WHERE control IN ('IAM.1', 'IAM.21', 'KMS.1', 'KMS.2') AND is_counted
    GROUP BY account_id
)
SELECT a.account_id, '', CASE WHEN p.number IS NULL THEN 0 ELSE COALESCE(u.findings, 0) END,
    COALESCE(p.number, 0), (p.number IS NOT NULL)::int, 1
FROM accounts_of_day a CROSS JOIN analyzer z
LEFT JOIN unused u ON u.account_id = a.account_id
LEFT JOIN principals p ON p.account_id = a.account_id
WHERE a.is_active AND z.is_there
UNION ALL
SELECT a.account_id, 'policies', p.failed, 1, p.checked, p.expected
FROM accounts_of_day a JOIN policies p ON p.account_id = a.account_id WHERE a.is_active
