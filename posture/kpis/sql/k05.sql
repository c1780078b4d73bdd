-- Who answers for each account: by its tags, or by an attestation that is valid on the day.
WITH tagged AS (
    SELECT a.account_id,
        bool_or(lower(t.key) IN ('on-call', 'oncall', 'on_call')) AS on_call,
        bool_or(lower(t.key) IN ('executive', 'accountable-executive')) AS executive
    FROM accounts_of_day a CROSS JOIN jsonb_each_text(a.tags) t
    WHERE btrim(t.value) <> '' GROUP BY a.account_id
), attested AS (
    SELECT account_id, bool_or(subject = 'ON_CALL') AS on_call,
        bool_or(subject = 'EXECUTIVE') AS executive,
        bool_or(subject = 'GUARDIAN' AND attested_on > %(day)s::date - 366) AS guardian
    FROM attested_of_day GROUP BY account_id
), answers AS (
    SELECT a.account_id, a.team_key <> 0 AS owner,
        COALESCE(t.on_call, false) OR COALESCE(v.on_call, false) AS on_call,
        COALESCE(t.executive, false) OR COALESCE(v.executive, false) AS executive,
        COALESCE(v.guardian, false) AS guardian
    FROM accounts_of_day a
    LEFT JOIN tagged t ON t.account_id = a.account_id
    LEFT JOIN attested v ON v.account_id = a.account_id
    WHERE a.is_active
)
SELECT x.account_id, p.part, p.holds::int, 1, 1, 1
FROM answers x CROSS JOIN LATERAL (VALUES
    ('', x.owner AND x.on_call AND x.executive AND x.guardian),
    ('owner', x.owner), ('on_call', x.on_call), ('executive', x.executive),
    ('guardian', x.guardian)
) p (part, holds)
