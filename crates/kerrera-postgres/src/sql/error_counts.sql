-- How many failures groups met in each ten minutes since then.
-- Locks: none. Index: the primary key, once for each group.
SELECT k.at, k.count, k.fingerprint
FROM {schema}.kerrera_error_counts AS k
WHERE k.fingerprint = ANY ($2::text[])
    AND k.at > (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())))
        - interval '1 microsecond' * $3::bigint
ORDER BY k.fingerprint, k.at
