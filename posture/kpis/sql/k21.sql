-- Secrets in plain text, everything that fails the controls on secrets, and secrets that are rotated.
WITH cells AS (
    SELECT c.*, c.control IN ('CodeBuild.1', 'CodeBuild.2', 'ECS.8') AS is_plain,
        c.passed + c.failed + c.excepted AS checked,
        c.passed + c.failed + c.excepted + c.unknown AS expected
    FROM cells_of_day c JOIN accounts_of_day a ON a.account_id = c.account_id AND a.is_scored
    WHERE c.is_counted AND c.control IN ('CodeBuild.1', 'CodeBuild.2', 'ECS.8',
        'SecretsManager.1', 'SecretsManager.2', 'SecretsManager.4')
)
SELECT account_id, '', sum(failed), 1, sum(checked), sum(expected)
FROM cells WHERE is_plain GROUP BY account_id
UNION ALL
SELECT account_id, 'failing', sum(failed), 1, sum(checked), sum(expected)
FROM cells GROUP BY account_id
UNION ALL
SELECT account_id, 'rotated', sum(passed), sum(passed + failed), sum(checked), sum(expected)
FROM cells WHERE NOT is_plain GROUP BY account_id
