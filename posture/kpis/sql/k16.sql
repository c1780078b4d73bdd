-- Weighted pass rate of the controls on encryption at rest, as in the posture score.
SELECT c.account_id, '',
    sum(CASE WHEN c.passed + c.failed > 0
        THEN round(c.weight * c.passed / (c.passed + c.failed), 10) ELSE 0 END),
    COALESCE(sum(c.weight) FILTER (WHERE c.passed + c.failed > 0), 0),
    COALESCE(sum(c.weight) FILTER (WHERE c.passed + c.failed + c.excepted > 0), 0),
    sum(c.weight)
FROM cells_of_day c JOIN accounts_of_day a ON a.account_id = c.account_id AND a.is_scored
WHERE c.is_counted AND c.control IN (
    'EC2.3', 'EC2.7', 'RDS.3', 'RDS.4', 'RDS.27', 'EFS.1', 'EFS.8', 'ElastiCache.4', 'DocumentDB.1',
    'DynamoDB.3', 'Opensearch.1', 'ES.1', 'Redshift.10', 'Kinesis.1', 'SNS.1', 'SQS.1',
    'CloudTrail.2', 'CodeBuild.3', 'EKS.3', 'Neptune.1', 'Neptune.6')
GROUP BY c.account_id
