-- The producers that may claim, of every process, and whether these are seen to live: they hold their
-- lock, or have been heard of since a time.
-- Locks: none that lasts; reading pg_locks stops the lock table for a moment.
-- Index: none; reads all producers.
SELECT
    p.node, p.started_at, p.uuid = ANY ($1::uuid[]),
    p.seen_at >= $2::timestamp OR EXISTS (
        SELECT
        FROM pg_catalog.pg_locks AS k
        WHERE k.locktype = 'advisory'
            AND k.database = (
                SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = current_database()
            )
            AND k.classid::bigint = $3::bigint
            AND k.objid::bigint = p.presence
            -- Two keys of 32 bits, not one of 64.
            AND k.objsubid = 2
            AND k.granted
    )
FROM {schema}.kerrera_producers AS p
-- One that has retired stays for what it still runs.
WHERE p.seen_at <> 'infinity'
ORDER BY p.node, p.uuid
