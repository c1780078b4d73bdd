-- Weighted pass rate of the controls on encryption in transit, and certificates that run out.
SELECT c.account_id, '',
    sum(CASE WHEN c.passed + c.failed > 0
        THEN round(c.weight * c.passed / (c.passed + c.failed), 10) ELSE 0 END),
    COALESCE(sum(c.weight) FILTER (WHERE c.passed + c.failed > 0), 0),
    COALESCE(sum(c.weight) FILTER (WHERE c.passed + c.failed + c.excepted > 0), 0),
    sum(c.weight)
FROM cells_of_day c JOIN accounts_of_day a ON a.account_id = c.account_id AND a.is_scored
WHERE c.is_counted AND c.control IN (
    'S3.5', 'ELB.1', 'ELB.3', 'ELB.17', 'ELB.18', 'ACM.1')
GROUP BY c.account_id
UNION ALL
SELECT c.account_id, 'expiring', c.failed, 1, c.passed + c.failed + c.excepted,
    c.passed + c.failed + c.excepted + c.unknown
FROM cells_of_day c JOIN accounts_of_day a ON a.account_id = c.account_id AND a.is_scored
WHERE c.is_counted AND c.control = 'ACM.1'
