-- Looks for producers that give cause for doubt: their lock is free, or they have been silent for
-- some seconds.
-- Locks: none that lasts; reading pg_locks stops the lock table for a moment.
-- Index: none; reads all producers.
SELECT
    p.uuid,
    CASE WHEN p.presence IS NULL THEN 'unknown' WHEN l.key IS NULL THEN 'away' ELSE 'here' END,
    (extract(epoch FROM s.silent) * 1000000)::bigint,
    -- The transaction that wrote the row last: another one with every beat.
    p.xmin::text::bigint
FROM {schema}.kerrera_producers AS p
LEFT JOIN (
    SELECT DISTINCT k.objid::bigint AS key
    FROM pg_catalog.pg_locks AS k
    WHERE k.locktype = 'advisory'
        AND k.database = (
            SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = current_database()
        )
        AND k.classid::bigint = $2::bigint
        -- Two keys of 32 bits, not one of 64.
        AND k.objsubid = 2
        AND k.granted
) AS l ON l.key = p.presence
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN p.seen_at = 'infinity' THEN interval '0'
        ELSE greatest(
            (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp()))) - p.seen_at,
            interval '0'
        )
    END AS silent
) AS s
WHERE (p.presence IS NOT NULL AND l.key IS NULL) OR s.silent > interval '1 microsecond' * $3::bigint
