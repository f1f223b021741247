-- Purpose: the slots of an entry that were fired, the newest first, before one of them if that is given.
-- Locks:   none of its own.
-- Index:   the primary key.
SELECT slot, job_id, node, fired_at
FROM kerrera_cron_slots
WHERE name = :name AND slot < coalesce(:before, 9223372036854775807)
ORDER BY slot DESC
LIMIT :most
