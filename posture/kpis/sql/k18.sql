-- Accounts with buckets, by two controls that look at every bucket; where one says that there is none, the
-- account is out of scope. Macie and its discovery have to be on in every Region with a bucket where
-- AWS offers Macie.
WITH buckets AS (
    SELECT x.account_id, x.region FROM findings_findingcount x
    JOIN controls_of_day c ON c.control_id = x.control_id
    WHERE c.control IN ('S3.5', 'S3.8') AND x.resource_type = 'AwsS3Bucket' AND x.status <> 'CLOSED'
    EXCEPT
    SELECT account_id, region FROM inventory_accountfact
    WHERE key = 'macie.session' AND state = 'UNAVAILABLE'
), nothing AS (
    SELECT DISTINCT x.account_id FROM findings_finding x
    JOIN controls_of_day c ON c.control_id = x.control_id
    WHERE c.control IN ('S3.5', 'S3.8') AND x.status = 'PASSED'
        AND x.resource_type = 'AwsAccount' AND x.updated_at > %(now)s - %(stale_after)s
), macie AS (
    SELECT account_id, region, bool_and(value = 'true') AS is_on, count(*) = 2 AS is_told
    FROM facts_of_day WHERE key IN ('macie.session', 'macie.automated_discovery')
    GROUP BY account_id, region
), answers AS (
    SELECT b.account_id, bool_and(COALESCE(m.is_on AND m.is_told, false)) AS holds,
        bool_and(COALESCE(m.is_told OR NOT m.is_on, false)) AS is_told
    FROM buckets b LEFT JOIN macie m ON m.account_id = b.account_id AND m.region = b.region
    GROUP BY b.account_id
)
SELECT a.account_id, '', COALESCE(x.holds, false)::int, (x.account_id IS NOT NULL)::int,
    COALESCE(x.is_told, false)::int, 1
FROM accounts_of_day a LEFT JOIN answers x ON x.account_id = a.account_id
LEFT JOIN nothing n ON n.account_id = a.account_id
WHERE a.is_active AND (x.account_id IS NOT NULL OR n.account_id IS NULL)
