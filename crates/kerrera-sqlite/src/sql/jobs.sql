-- Purpose: the jobs of a query; its conditions and its order are filled in.
-- Locks:   none.
-- Index:   see conditions.sql; an order by number is that of the primary key.
SELECT
    id, state, queue, worker, args, meta, tags, errors, attempt, max_attempts, priority,
    attempted_by, inserted_at, scheduled_at, attempted_at, completed_at, discarded_at, cancelled_at
FROM oban_jobs
WHERE <conditions>
ORDER BY <order>
LIMIT ?1
