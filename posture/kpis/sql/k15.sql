-- Resources that anybody can reach, each once, however many findings and sources say so. Covered is an
-- account with one, and one whose checks of exposure have lately passed somewhere.
WITH public AS (
    SELECT account_id, count(*) AS resources,
        sum(floor(extract(epoch FROM %(now)s - since) / 86400)) AS days
    FROM (SELECT f.account_id, f.resource_hash, min(f.opened_at) AS since FROM findings_finding f
        WHERE f.status = 'OPEN' AND f.is_public AND NOT f.is_excepted
        GROUP BY f.account_id, f.resource_hash) r
    GROUP BY account_id
), outside AS (
    SELECT f.account_id, count(DISTINCT f.resource_hash) AS resources FROM findings_finding f
    JOIN controls_of_day c ON c.control_id = f.control_id
    WHERE c.control = 'AccessAnalyzer.ExternalAccess' AND f.status = 'OPEN'
        AND f.is_public IS NOT TRUE AND NOT f.is_excepted
    GROUP BY f.account_id
), guardrails AS (
    SELECT account_id, sum(failed) FILTER (WHERE control IN ('S3.1', 'S3.8', 'S3.19')) AS failed,
        bool_or(passed > 0) AS is_looked_at
    FROM cells_of_day WHERE control IN ('S3.1', 'S3.2', 'S3.3', 'S3.8', 'S3.19', 'EC2.1', 'RDS.1',
        'RDS.2', 'Lambda.1', 'KMS.5', 'SSM.4', 'EKS.1', 'Opensearch.2', 'Redshift.1')
    GROUP BY account_id
), answers AS (
    SELECT a.account_id, p.resources, p.days, o.resources AS outside, g.failed,
        (COALESCE(g.is_looked_at, false) OR COALESCE(p.resources > 0, false))::int AS seen
    FROM accounts_of_day a LEFT JOIN public p ON p.account_id = a.account_id
    LEFT JOIN outside o ON o.account_id = a.account_id
    LEFT JOIN guardrails g ON g.account_id = a.account_id
    WHERE a.is_active
)
SELECT x.account_id, p.part, COALESCE(p.numerator, 0), 1, x.seen, 1
FROM answers x CROSS JOIN LATERAL (VALUES
    ('', x.resources), ('exposure_days', x.days), ('guardrails', x.failed), ('external', x.outside)
) p (part, numerator)
