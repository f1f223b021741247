-- Purpose: takes the next available jobs of a queue, and gives back what a worker needs of them.
-- Locks:   the write lock of the file.
-- Index:   kerrera_available.
UPDATE oban_jobs
SET state = 'executing', attempt = attempt + 1, attempted_at = :now, attempted_by = :attempted_by
WHERE id IN (
    SELECT id
    FROM oban_jobs
    WHERE state = 'available' AND queue = :queue
    ORDER BY priority, scheduled_at, id
    LIMIT :limit
)
RETURNING id, worker, args, attempt
