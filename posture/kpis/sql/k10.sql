-- IAM's own summary of the account comes first; IAM.4, IAM.9 and IAM.6 stand in where it is not known.
-- What neither tells is not secured.
WITH told AS (
    SELECT account_id,
        bool_or(value = '0') FILTER (WHERE key = 'root.access_keys') AS no_keys,
        bool_or(value = 'true') FILTER (WHERE key = 'root.mfa') AS mfa,
        bool_or(value = 'true') FILTER (WHERE key = 'root.password') AS password
    FROM facts_of_day WHERE key IN ('root.access_keys', 'root.mfa', 'root.password')
    GROUP BY account_id
), organisation AS (
    SELECT COALESCE(bool_or(value = 'true'), false) AS removes FROM facts_of_day
    WHERE key = 'organization.root_credentials_management'
), checked AS (
    SELECT account_id, bool_or(passes) FILTER (WHERE control = 'IAM.4') AS no_keys,
        bool_or(passes) FILTER (WHERE control = 'IAM.9') AS mfa,
        bool_or(passes) FILTER (WHERE control = 'IAM.6') AS hardware
    FROM (SELECT account_id, control, passed > 0 AND failed + excepted = 0 AS passes
        FROM cells_of_day WHERE control IN ('IAM.4', 'IAM.6', 'IAM.9')
            AND passed + failed + excepted > 0) c
    GROUP BY account_id
), answers AS (
    SELECT a.account_id, COALESCE(t.no_keys, c.no_keys) AS no_keys,
        -- Without a password and without keys there is nothing to protect by MFA.
        o.removes AND NOT a.is_management AND COALESCE(NOT t.password AND t.no_keys, false)
            AS is_removed,
        -- Either of the two controls proves MFA; that IAM.6 fails says nothing of virtual MFA.
        COALESCE(t.mfa, CASE WHEN c.hardware THEN true ELSE c.mfa END) AS mfa,
        c.hardware
    FROM accounts_of_day a CROSS JOIN organisation o
    LEFT JOIN told t ON t.account_id = a.account_id
    LEFT JOIN checked c ON c.account_id = a.account_id
    WHERE a.is_active
)
SELECT x.account_id, p.part, COALESCE(p.holds, false)::int, 1, (p.holds IS NOT NULL)::int, 1
FROM answers x CROSS JOIN LATERAL (VALUES
    ('', x.no_keys AND (x.is_removed OR x.mfa)),
    ('no_keys', x.no_keys), ('mfa', x.is_removed OR x.mfa),
    ('hardware', x.is_removed OR x.hardware)
) p (part, holds)
