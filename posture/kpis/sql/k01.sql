-- The sums of the posture score, account by account, as the scorecards show them. What only the
-- delegated administrator reports is of the root alone. One unit of the last decimal less where
-- something fails that weighs nothing: a score with a failure never shows 100.0.
WITH amounts AS (
    SELECT a.account_id, d.managed_n, d.managed_d, d.raw_n, d.raw_d, d.coverage_n, d.coverage_d,
        d.exception_n, d.exception_d, d.failed
    FROM accounts_of_day a JOIN posture_accountday d
        ON d.account_id = a.account_id AND d.day = %(day)s AND d.area = ''
    WHERE a.is_scored
    UNION ALL
    SELECT NULL, managed_n, managed_d, raw_n, raw_d, coverage_n, coverage_d, exception_n,
        exception_d, 0
    FROM whole_of_day WHERE coverage_d > 0
)
SELECT x.account_id, p.part, p.numerator, p.denominator, p.covered, p.expected
FROM amounts x CROSS JOIN LATERAL (VALUES
    ('', x.managed_n - CASE WHEN x.failed > 0 AND x.managed_n = x.managed_d AND x.managed_d > 0
        THEN 0.000000000001 ELSE 0 END, x.managed_d, x.coverage_n, x.coverage_d),
    ('raw', x.raw_n - CASE WHEN x.failed > 0 AND x.raw_n = x.raw_d AND x.raw_d > 0
        THEN 0.000000000001 ELSE 0 END, x.raw_d, x.coverage_n, x.coverage_d),
    ('coverage', x.coverage_n, x.coverage_d, x.coverage_d, x.coverage_d),
    ('exceptions', x.exception_n, x.exception_d, x.coverage_n, x.coverage_d)
) p (part, numerator, denominator, covered, expected)
