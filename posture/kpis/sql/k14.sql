-- Resources that ask for IMDSv2; and Regions of accounts where new instances do so by default.
WITH defaults AS (
    SELECT r.account_id, count(*) FILTER (WHERE f.value = 'true') AS regions,
        count(f.key) AS known, count(*) AS expected
    FROM regions_of_day r LEFT JOIN facts_of_day f
        ON f.account_id = r.account_id AND f.region = r.region AND f.key = 'ec2.imds_v2_default'
    GROUP BY r.account_id
)
SELECT c.account_id, '', sum(c.passed), sum(c.passed + c.failed),
    sum(c.passed + c.failed + c.excepted), sum(c.passed + c.failed + c.excepted + c.unknown)
FROM cells_of_day c JOIN accounts_of_day a ON a.account_id = c.account_id AND a.is_scored
WHERE c.control IN ('EC2.8', 'EC2.170', 'AutoScaling.3') AND c.is_counted
GROUP BY c.account_id
UNION ALL
SELECT account_id, 'defaults', regions, known, known, expected FROM defaults
