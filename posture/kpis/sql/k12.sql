-- Keys and passwords by the credential report. Where it is not known, every IAM user that Security Hub
-- has seen counts as one credential; that it lately found no user at all, as none.
WITH told AS (
    SELECT account_id,
        max((value #>> '{}')::numeric) FILTER (WHERE key = 'iam.access_keys') AS access_keys,
        max((value #>> '{}')::numeric) FILTER (WHERE key = 'iam.passwords') AS passwords,
        max((value #>> '{}')::numeric) FILTER (WHERE key = 'iam.access_keys_old') AS stale
    FROM facts_of_day
    WHERE key IN ('iam.access_keys', 'iam.passwords', 'iam.access_keys_old')
    GROUP BY account_id
), seen AS (
    SELECT account_id, max(passed + failed + excepted + unknown) AS users,
        max(failed + excepted) FILTER (WHERE control = 'IAM.3') AS stale
    FROM cells_of_day WHERE control IN ('IAM.2', 'IAM.3', 'IAM.5', 'IAM.8')
    GROUP BY account_id
), nobody AS (
    SELECT DISTINCT x.account_id FROM findings_finding x
    JOIN controls_of_day c ON c.control_id = x.control_id
    WHERE c.control IN ('IAM.2', 'IAM.3', 'IAM.5', 'IAM.8') AND x.status = 'PASSED'
        AND x.resource_type = 'AwsAccount' AND %(is_today)s
        AND x.updated_at > %(now)s - %(stale_after)s
), answers AS (
    SELECT a.account_id, COALESCE(t.access_keys + t.passwords, s.users,
        CASE WHEN n.account_id IS NOT NULL THEN 0 END) AS credentials,
        COALESCE(t.stale, s.stale, CASE WHEN n.account_id IS NOT NULL THEN 0 END) AS stale
    FROM accounts_of_day a LEFT JOIN told t ON t.account_id = a.account_id
    LEFT JOIN seen s ON s.account_id = a.account_id
    LEFT JOIN nobody n ON n.account_id = a.account_id
    WHERE a.is_active
)
SELECT x.account_id, p.part, COALESCE(p.numerator, 0), (p.numerator IS NOT NULL)::int,
    (p.numerator IS NOT NULL)::int, 1
FROM answers x CROSS JOIN LATERAL (VALUES
    ('', CASE WHEN x.credentials IS NOT NULL THEN (x.credentials = 0)::int END),
    ('credentials', x.credentials), ('stale', x.stale)
) p (part, numerator)
