-- Share of the weight under an exception; what only the delegated administrator reports is of the root
-- alone. Suppressed findings and the register of exceptions are known of the present alone. An exception
-- counts in each account that it reaches; OUs, in which it counts once, are made in functions/k03.py.
WITH suppressed AS (
    SELECT account_id, sum(findings) AS findings FROM findings_findingcount
    WHERE %(is_today)s AND workflow = 'SUPPRESSED' AND status = 'OPEN' AND NOT is_excepted
    GROUP BY account_id
), lines AS (
    SELECT r.id, r.renewal, p.path, l.ou_id IS NOT NULL AS is_whole_ou, l.account_id,
        r.state IN ('EXPIRED', 'REVOKED', 'CLOSING') AS is_expired,
        floor(extract(epoch FROM %(now)s - LEAST(r.approved_at, r.granted_at, b.approved_at, b.granted_at,
            f.approved_at, f.granted_at)) / 86400) AS age
    FROM invariants_exceptionrequest r
    JOIN invariants_exceptionscope l ON l.request_id = r.id
        AND (l.account_id IS NOT NULL OR l.ou_id IS NOT NULL)
    LEFT JOIN inventory_organizationalunit p ON p.id = l.ou_id
    LEFT JOIN invariants_exceptionrequest b ON b.id = r.renews_id
    LEFT JOIN invariants_exceptionrequest f ON f.id = b.renews_id
    WHERE %(is_today)s AND r.organization_id = %(organization)s
        AND (r.state IN ('ACTIVE', 'EXPIRING', 'EXPIRED', 'REVOKED', 'CLOSING')
            OR r.is_emergency AND r.verified_at IS NOT NULL
                AND r.state IN ('EMERGENCY', 'APPROVED', 'IMPLEMENTING'))
), reached AS (
    SELECT DISTINCT a.account_id, l.id, l.renewal, l.is_expired, l.age FROM accounts_of_day a
    JOIN lines l ON l.account_id = a.account_id OR l.is_whole_ou AND starts_with(a.path, l.path)
), register AS (
    SELECT account_id, count(*) FILTER (WHERE is_expired) AS expired,
        count(*) FILTER (WHERE NOT is_expired AND renewal >= 2) AS renewed,
        count(*) FILTER (WHERE NOT is_expired) AS active,
        max(age) FILTER (WHERE NOT is_expired) AS oldest
    FROM reached GROUP BY account_id
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
UNION ALL
SELECT a.account_id, p.part, p.numerator, p.denominator, 1, 1
FROM accounts_of_day a LEFT JOIN register r ON r.account_id = a.account_id
CROSS JOIN LATERAL (VALUES
    ('expired', COALESCE(r.expired, 0), 1),
    ('renewed', r.renewed, r.active),
    ('oldest', r.oldest, 1)
) p (part, numerator, denominator)
WHERE %(is_today)s AND a.is_scored AND p.numerator IS NOT NULL AND p.denominator > 0
