-- Purpose: takes available jobs of one queue for one producer, under one token. A producer that
--          is not enrolled, because it has been declared dead or has retired, gets none.
-- Locks:   the write lock of the file.
-- Index:   kerrera_available, from the floor on.
UPDATE oban_jobs
SET state = 'executing',
    attempt = attempt + 1,
    attempted_at = :now,
    attempted_by = :attempted_by
WHERE id IN (
    SELECT id
    FROM oban_jobs
    WHERE state = 'available'
      AND queue = :queue
      AND (priority, scheduled_at, id) >= (:floor_priority, :floor_scheduled_at, :floor_id)
      AND attempt < max_attempts
      AND worker NOT IN (SELECT value FROM json_each(:excluded))
      AND EXISTS (SELECT 1 FROM kerrera_producers WHERE uuid = :producer AND retired = 0)
    ORDER BY priority, scheduled_at, id
    LIMIT :limit
)
RETURNING
    id, worker, args, meta, tags, errors, attempt, max_attempts, priority, inserted_at, scheduled_at,
    completed_at, discarded_at, cancelled_at
