-- Pairs of an account and a mandatory invariant that is in force, as they stood at the end of the day. An
-- invariant is provisional below an OU until its rollout date there; of several OUs the nearest decides.
-- What cannot be enforced is left out, and counted beside. What is not known does not hold.
WITH in_force AS (
    SELECT i.id, i.severity FROM invariants_invariant i
    LEFT JOIN LATERAL (SELECT m.after FROM invariants_invariantmove m
        WHERE m.invariant_id = i.id AND m.at < %(day)s::date + 1
        ORDER BY m.at DESC, m.id DESC LIMIT 1) earlier ON true
    LEFT JOIN LATERAL (SELECT m.before FROM invariants_invariantmove m
        WHERE m.invariant_id = i.id AND m.at >= %(day)s::date + 1
        ORDER BY m.at, m.id LIMIT 1) later ON true
    WHERE i.organization_id = %(organization)s AND i.is_mandatory
        AND (i.gone_at IS NULL OR i.gone_at >= %(day)s::date + 1)
        AND COALESCE(earlier.after, later.before, i.state) = 'ENFORCED'
), rollout AS (
    SELECT DISTINCT ON (r.invariant_id, a.ou_id) r.invariant_id, a.ou_id, r.from_date
    FROM invariants_rollout r JOIN inventory_organizationalunit o ON o.id = r.ou_id
    JOIN (SELECT DISTINCT ou_id, path FROM accounts_of_day) a ON starts_with(a.path, o.path)
    ORDER BY r.invariant_id, a.ou_id, o.depth DESC
), pairs AS (
    SELECT a.account_id, i.severity, d.state FROM in_force i
    JOIN invariants_coverageday d ON d.invariant_id = i.id AND d.day <= %(day)s
        AND (d.until IS NULL OR d.until > %(day)s)
    JOIN accounts_of_day a ON a.account_id = d.account_id
    LEFT JOIN rollout r ON r.invariant_id = i.id AND r.ou_id = a.ou_id
    WHERE d.state <> 'NOT_APPLICABLE' AND (r.from_date IS NULL OR r.from_date <= %(day)s)
), counted AS (
    SELECT account_id, p.part,
        count(*) FILTER (WHERE state = ANY(p.good)) AS numerator,
        count(*) FILTER (WHERE state <> 'NOT_ENFORCEABLE') AS denominator,
        count(*) FILTER (WHERE state NOT IN ('NOT_ENFORCEABLE', 'UNKNOWN')) AS covered
    FROM pairs JOIN (VALUES
        ('', '', ARRAY['ENFORCED', 'CARVED_OUT']), ('crown', 'CRITICAL', ARRAY['ENFORCED', 'CARVED_OUT']),
        ('uncarved', '', ARRAY['ENFORCED'])
    ) p (part, severity, good) ON p.severity IN ('', pairs.severity)
    GROUP BY account_id, p.part
)
SELECT account_id, part, numerator, denominator, covered, denominator FROM counted
WHERE denominator > 0
UNION ALL
SELECT account_id, 'out_of_reach', count(*), 1, 1, 1 FROM pairs WHERE state = 'NOT_ENFORCEABLE'
GROUP BY account_id
