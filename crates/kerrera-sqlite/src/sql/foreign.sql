-- Purpose: the running jobs that other implementations claimed too long ago.
-- Locks:   none of its own; it runs under the write lock.
-- Index:   kerrera_executing.
SELECT id, state, attempt, max_attempts, attempted_by, meta, errors, queue
FROM oban_jobs
WHERE state = 'executing'
  AND coalesce(attempted_by ->> 2, '') NOT GLOB 'k:*'
  AND attempted_at < :before
ORDER BY id
LIMIT :limit
