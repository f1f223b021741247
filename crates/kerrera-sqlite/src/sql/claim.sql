-- Purpose: which available jobs of one queue its producer is to take next, in the order in which they
--          are to be started. A producer that is not enrolled, because it has been declared dead or
--          has retired, gets none.
-- Locks:   none of its own; it runs under the write lock, so that they are there to be taken.
-- Index:   kerrera_available, from the floor on.
SELECT
    id, worker, args, meta, tags, errors, attempt, max_attempts, priority, inserted_at, scheduled_at
FROM oban_jobs
WHERE state = 'available'
  AND queue = :queue
  AND (priority, scheduled_at, id) >= (:floor_priority, :floor_scheduled_at, :floor_id)
  AND attempt < max_attempts
  AND worker NOT IN (SELECT value FROM json_each(:excluded))
  AND EXISTS (SELECT 1 FROM kerrera_producers WHERE uuid = :producer AND retired = 0)
ORDER BY priority, scheduled_at, id
LIMIT :limit
