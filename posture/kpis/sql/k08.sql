-- Where each account stands, and what it has there. What cannot be told fails.
WITH contact AS (
    SELECT account_id, bool_or(value = 'true') AS is_set FROM facts_of_day
    WHERE key = 'contact.security' GROUP BY account_id
), checked AS (
    SELECT account_id, passed > 0 AND failed = 0 AS passes FROM cells_of_day
    WHERE control = 'Account.1' AND passed + failed > 0
), backup AS (
    SELECT DISTINCT t.target_id FROM inventory_policyattachment t
    JOIN inventory_orgpolicy p ON p.id = t.policy_id
    WHERE p.type = 'BACKUP_POLICY' AND p.gone_at IS NULL AND t.until IS NULL
        AND p.organization_id = %(organization)s
), stay AS (
    -- Since when it has been in OUs of this role: after the last stay in another one.
    SELECT a.account_id, COALESCE(
        max(l.until) FILTER (WHERE u.role <> a.role), min(l.since)) AS since
    FROM accounts_of_day a JOIN inventory_placement l
        ON l.account_id = a.account_id AND l.since <= %(day)s
    JOIN inventory_organizationalunit u ON u.id = l.ou_id
    GROUP BY a.account_id
), places AS (
    -- The words of the path decide; "Non-production" is not production.
    SELECT account_id, CASE
        WHEN label ~* '\m(non-?prod|non-?production|dev|development|test|testing|staging|sandbox|nursery)'
            THEN 'other'
        WHEN label ~* '\m(prod|production)\M' THEN 'production' ELSE 'any' END AS kind,
        lower(btrim(environment)) AS environment
    FROM accounts_of_day
), answers AS (
    SELECT a.account_id, a.depth > 0 AND a.role <> 'OTHER' AS placed,
        CASE WHEN e.environment = '' THEN false
            WHEN e.kind = 'production' THEN e.environment IN ('prod', 'production')
            WHEN e.kind = 'other' THEN e.environment NOT IN ('prod', 'production')
            ELSE true END AS environment,
        COALESCE(c.is_set, k.passes, false) AS contact, a.team_key <> 0 AS owner,
        EXISTS (SELECT 1 FROM backup b
            WHERE b.target_id = ANY(string_to_array(a.path, '/') || a.aws_id::text)) AS backup,
        CASE WHEN a.role IN ('ONBOARDING', 'NURSERY') THEN s.since >= %(day)s::date - 14
            WHEN a.role = 'EXCEPTIONS' THEN s.since >= %(day)s::date - 90
            ELSE true END AS dwell
    FROM accounts_of_day a JOIN places e ON e.account_id = a.account_id
    LEFT JOIN contact c ON c.account_id = a.account_id
    LEFT JOIN checked k ON k.account_id = a.account_id
    LEFT JOIN stay s ON s.account_id = a.account_id
    WHERE a.is_active
)
SELECT x.account_id, p.part, COALESCE(p.holds, false)::int, 1, 1, 1
FROM answers x CROSS JOIN LATERAL (VALUES
    ('', x.placed AND x.environment AND x.contact AND x.owner AND x.backup AND x.dwell),
    ('placed', x.placed), ('environment', x.environment), ('contact', x.contact),
    ('owner', x.owner), ('backup', x.backup), ('dwell', x.dwell)
) p (part, holds)
