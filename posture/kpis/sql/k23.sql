-- Weight of what was evaluated, of the weight of what should be: the controls known in the account, and
-- those on the account itself, which report whatever there is. Without any, silence would count as rest.
WITH missing AS (
    SELECT a.account_id, sum(c.weight * a.criticality) AS weight
    FROM accounts_of_day a CROSS JOIN controls_of_day c
    WHERE a.is_scored AND c.is_counted AND c.is_enabled AND c.is_account_level
        AND NOT EXISTS (SELECT 1 FROM cells_of_day x
            WHERE x.account_id = a.account_id AND x.control = c.control)
    GROUP BY a.account_id
)
SELECT a.account_id, '', d.coverage_n, d.coverage_d + COALESCE(m.weight, 0),
    d.coverage_d + COALESCE(m.weight, 0), d.coverage_d + COALESCE(m.weight, 0)
FROM accounts_of_day a JOIN posture_accountday d
    ON d.account_id = a.account_id AND d.day = %(day)s AND d.area = ''
LEFT JOIN missing m ON m.account_id = a.account_id
WHERE a.is_scored
UNION ALL
SELECT NULL, '', coverage_n, coverage_d, coverage_d, coverage_d
FROM whole_of_day WHERE coverage_d > 0
