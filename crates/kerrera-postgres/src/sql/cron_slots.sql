-- The slots of a cron entry that were fired, the newest first, before one of them if that is given.
-- Locks: none. Index: the primary key.
SELECT s.slot, s.job_id, s.node, s.fired_at
FROM {schema}.kerrera_cron_slots AS s
WHERE s.name = $1::text AND s.slot < coalesce($2::timestamp, 'infinity'::timestamp)
ORDER BY s.slot DESC
LIMIT $3::bigint
