-- Purpose: the running jobs of ours (their third mark is a claim token) whose producer is not
--          enrolled any more.
-- Locks:   none of its own; it runs under the write lock.
-- Index:   kerrera_executing; one look at the producers' primary key for each running job.
SELECT id, state, attempt, max_attempts, attempted_by, meta, errors, queue
FROM oban_jobs AS job
WHERE state = 'executing'
  AND attempted_by ->> 2 GLOB 'k:*'
  AND NOT EXISTS (SELECT 1 FROM kerrera_producers WHERE uuid = job.attempted_by ->> 1)
ORDER BY id
LIMIT :limit
