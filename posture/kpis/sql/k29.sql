-- Weighted pass rate of the controls on patches and supported versions.
SELECT c.account_id, '',
    sum(CASE WHEN c.passed + c.failed > 0
        THEN round(c.weight * c.passed / (c.passed + c.failed), 10) ELSE 0 END),
    COALESCE(sum(c.weight) FILTER (WHERE c.passed + c.failed > 0), 0),
    COALESCE(sum(c.weight) FILTER (WHERE c.passed + c.failed + c.excepted > 0), 0),
    sum(c.weight)
FROM cells_of_day c JOIN accounts_of_day a ON a.account_id = c.account_id AND a.is_scored
WHERE c.is_counted AND c.control IN (
    'SSM.1', 'SSM.2', 'Lambda.2', 'EKS.2', 'ECS.10', 'RDS.13', 'RDS.35', 'ElastiCache.2', 'Glue.4')
GROUP BY c.account_id
