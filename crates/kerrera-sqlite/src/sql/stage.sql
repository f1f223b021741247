-- Purpose: makes due jobs available, the oldest first; names the queue of each, and says whether it
--          can be claimed there.
-- Locks:   the write lock of the file.
-- Index:   kerrera_due, as far as the present.
UPDATE oban_jobs
SET state = 'available'
WHERE id IN (
    SELECT id
    FROM oban_jobs
    WHERE state IN ('scheduled', 'retryable')
      AND scheduled_at <= :now
    ORDER BY scheduled_at, id
    LIMIT :limit
)
RETURNING queue, attempt < max_attempts
