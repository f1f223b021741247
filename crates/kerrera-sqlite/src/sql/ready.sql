-- Purpose: which of some queues have a job that may be claimed.
-- Locks:   none of its own; it runs under the write lock.
-- Index:   kerrera_available; one entry for each queue.
SELECT watched.value
FROM json_each(:watched) AS watched
WHERE EXISTS (
    SELECT 1
    FROM oban_jobs
    WHERE state = 'available'
      AND queue = watched.value
      AND attempt < max_attempts
)
