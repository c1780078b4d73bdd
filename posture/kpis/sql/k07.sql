-- No invariants are registered yet, so there is nothing that could hold: no rows, which is "no data".
SELECT NULL::bigint, '', 0, 0, 0, 0 WHERE false
