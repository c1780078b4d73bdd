-- Users with a console password by the credential report; by IAM.5 where it is not known. An account
-- that Security Hub has lately said to have no such user has none.
WITH told AS (
    SELECT account_id,
        max((value #>> '{}')::numeric) FILTER (WHERE key = 'iam.passwords') AS users,
        max((value #>> '{}')::numeric) FILTER (WHERE key = 'iam.passwords_with_mfa') AS with_mfa
    FROM facts_of_day WHERE key IN ('iam.passwords', 'iam.passwords_with_mfa')
    GROUP BY account_id
), checked AS (
    SELECT account_id, passed + failed + excepted AS users, passed AS with_mfa
    FROM cells_of_day WHERE control = 'IAM.5' AND passed + failed + excepted > 0
), nobody AS (
    SELECT DISTINCT x.account_id FROM findings_finding x
    JOIN controls_of_day c ON c.control_id = x.control_id
    WHERE c.control = 'IAM.5' AND x.status = 'PASSED' AND x.resource_type = 'AwsAccount'
        AND %(is_today)s AND x.updated_at > %(now)s - %(stale_after)s
), answers AS (
    SELECT a.account_id,
        CASE WHEN t.with_mfa IS NOT NULL THEN t.users
            ELSE COALESCE(c.users, CASE WHEN n.account_id IS NOT NULL THEN 0 END) END AS users,
        CASE WHEN t.with_mfa IS NOT NULL AND t.users IS NOT NULL THEN t.with_mfa
            ELSE c.with_mfa END AS with_mfa,
        EXISTS (SELECT 1 FROM attested_of_day v
            WHERE v.account_id = a.account_id AND v.subject = 'IDENTITY_MFA') AS attested
    FROM accounts_of_day a LEFT JOIN told t ON t.account_id = a.account_id
    LEFT JOIN checked c ON c.account_id = a.account_id
    LEFT JOIN nobody n ON n.account_id = a.account_id
    WHERE a.is_active
)
SELECT x.account_id, p.part, p.numerator, p.denominator, p.covered, 1
FROM answers x CROSS JOIN LATERAL (VALUES
    ('', COALESCE(x.with_mfa, 0), COALESCE(x.users, 0), (x.users IS NOT NULL)::int),
    ('users', COALESCE(x.users, 0), 1, (x.users IS NOT NULL)::int),
    ('attested', x.attested::int, 1, 1)
) p (part, numerator, denominator, covered)
