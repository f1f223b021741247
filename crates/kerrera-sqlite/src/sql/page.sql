-- Purpose: some rows along an index, as a list shows them; the conditions and the order are filled in.
-- Locks:   none.
-- Index:   the primary key, or the partial one of the state.
SELECT
    id, state, queue, worker, substr(args, 1, 512), length(CAST(args AS BLOB)), tags, attempt,
    max_attempts, priority, attempted_by ->> 0, meta -> '$.k_progress', inserted_at, scheduled_at,
    attempted_at, completed_at, discarded_at, cancelled_at
FROM oban_jobs
WHERE <conditions>
ORDER BY <order>
LIMIT ?1
