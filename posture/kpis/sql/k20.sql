-- Policies that were attached anywhere at the end of the day, by whether every part of them stands in the
-- catalogue; those that AWS or AWS Control Tower keeps are a class of their own. Of no single account.
WITH deployed AS (
    SELECT d.kind = 'OWN' AS is_own, d.is_as_code, d.is_known FROM invariants_policyday d
    JOIN inventory_orgpolicy p ON p.id = d.policy_id
    WHERE p.organization_id = %(organization)s AND d.day <= %(day)s
        AND (d.until IS NULL OR d.until > %(day)s)
)
SELECT NULL::bigint, '', count(*) FILTER (WHERE is_as_code), count(*), count(*) FILTER (WHERE is_known),
    count(*)
FROM deployed WHERE is_own HAVING count(*) > 0
UNION ALL
SELECT NULL::bigint, 'kept_by_aws', count(*), 1, 1, 1 FROM deployed WHERE NOT is_own HAVING count(*) > 0
