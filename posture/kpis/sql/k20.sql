-- No manifest of the policy repository has been brought in yet: no rows, which is "no data".
SELECT NULL::bigint, '', 0, 0, 0, 0 WHERE false
