-- Every ACTIVE account and each of its enabled Regions: are all four services on? What a service tells
-- comes first. Where it is not known, a fresh check in that Region stands in, which also shows that
-- Security Hub was on. What neither tells is not covered.
WITH told AS (
    SELECT account_id, region,
        bool_or(value = 'true') FILTER (WHERE key = 'cloudtrail.trail') AS cloudtrail,
        bool_or(value = 'true') FILTER (WHERE key = 'config.recorder') AS config,
        bool_or(value = 'true') FILTER (WHERE key = 'guardduty.detector') AS guardduty,
        bool_or(value = 'true') FILTER (WHERE key = 'securityhub.hub') AS securityhub
    FROM facts_of_day WHERE key IN
        ('cloudtrail.trail', 'config.recorder', 'guardduty.detector', 'securityhub.hub')
    GROUP BY account_id, region
), gaps AS (
    SELECT r.account_id, r.region FROM regions_of_day r
    LEFT JOIN told t ON t.account_id = r.account_id AND t.region = r.region
    WHERE t.cloudtrail IS NULL OR t.config IS NULL OR t.guardduty IS NULL OR t.securityhub IS NULL
), checked AS (
    SELECT g.account_id, g.region,
        bool_and(f.status = 'PASSED') FILTER (WHERE c.control = 'CloudTrail.1') AS cloudtrail,
        bool_and(f.status = 'PASSED') FILTER (WHERE c.control = 'Config.1') AS config,
        bool_and(f.status = 'PASSED') FILTER (WHERE c.control = 'GuardDuty.1') AS guardduty,
        true AS securityhub
    FROM gaps g JOIN findings_finding f ON f.account_id = g.account_id AND f.region = g.region
    JOIN controls_of_day c ON c.control_id = f.control_id
    WHERE c.control IN ('CloudTrail.1', 'Config.1', 'GuardDuty.1')
        AND f.resource_type = 'AwsAccount' AND f.status IN ('OPEN', 'PASSED')
        AND f.updated_at > %(now)s - %(stale_after)s
    GROUP BY g.account_id, g.region
), pairs AS (
    SELECT r.account_id, COALESCE(t.cloudtrail, k.cloudtrail) AS cloudtrail,
        COALESCE(t.config, k.config) AS config, COALESCE(t.guardduty, k.guardduty) AS guardduty,
        COALESCE(t.securityhub, k.securityhub) AS securityhub
    FROM regions_of_day r
    LEFT JOIN told t ON t.account_id = r.account_id AND t.region = r.region
    LEFT JOIN checked k ON k.account_id = r.account_id AND k.region = r.region
)
SELECT x.account_id, p.part, count(*) FILTER (WHERE p.is_on), count(*),
    count(*) FILTER (WHERE p.is_on IS NOT NULL), count(*)
FROM pairs x CROSS JOIN LATERAL (VALUES
    ('', x.cloudtrail AND x.config AND x.guardduty AND x.securityhub),
    ('cloudtrail', x.cloudtrail), ('config', x.config), ('guardduty', x.guardduty),
    ('securityhub', x.securityhub)
) p (part, is_on)
GROUP BY x.account_id, p.part
