-- How many failures a group met in each ten minutes since then.
-- Locks: none. Index: the primary key.
SELECT k.at, k.count
FROM {schema}.kerrera_error_counts AS k
WHERE k.fingerprint = $2::text
    AND k.at > (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())))
        - interval '1 microsecond' * $3::bigint
ORDER BY k.at
