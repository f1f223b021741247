-- Purpose: what of a job decides whether, and how, an ack is written.
-- Locks:   none of its own; it runs under the write lock.
-- Index:   the primary key.
SELECT id, state, attempt, max_attempts, attempted_by, meta, errors
FROM oban_jobs
WHERE id = :id
