-- Purpose: one job by its number.
-- Locks:   none.
-- Index:   the primary key.
SELECT
    id, state, queue, worker, args, meta, tags, errors, attempt, max_attempts, priority,
    attempted_by, inserted_at, scheduled_at, attempted_at, completed_at, discarded_at, cancelled_at
FROM oban_jobs
WHERE id = :id
