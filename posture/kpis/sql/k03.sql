-- Share of the weight under an exception; what only the delegated administrator reports is of the root
-- alone. Suppressed findings are known of the present alone; lines about the register of exceptions
-- come with it.
WITH suppressed AS (
    SELECT account_id, sum(findings) AS findings FROM findings_findingcount
    WHERE %(is_today)s AND workflow = 'SUPPRESSED' AND status = 'OPEN' AND NOT is_excepted
    GROUP BY account_id
)
SELECT a.account_id, p.part, p.numerator, p.denominator, p.covered, p.expected
FROM accounts_of_day a JOIN posture_accountday d
    ON d.account_id = a.account_id AND d.day = %(day)s AND d.area = ''
LEFT JOIN suppressed s ON s.account_id = a.account_id
CROSS JOIN LATERAL (VALUES
    ('', d.exception_n, d.exception_d, d.coverage_n, d.coverage_d),
    ('suppressed', COALESCE(s.findings, 0), 1, 1, 1),
    ('accounts', (a.role = 'EXCEPTIONS')::int, 1, 1, 1)
) p (part, numerator, denominator, covered, expected)
WHERE a.is_scored AND (p.part <> 'suppressed' OR %(is_today)s)
UNION ALL
SELECT NULL, '', exception_n, exception_d, coverage_n, coverage_d
FROM whole_of_day WHERE coverage_d > 0
