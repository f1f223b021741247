-- Purpose: the jobs of a query that something is to be done to, as far as that depends on them; its
--          conditions, with the states that allow it, are filled in.
-- Locks:   none of its own; it runs under the write lock.
-- Index:   see conditions.sql; the order is that of the primary key.
SELECT id, state, attempt, max_attempts, attempted_by, '{}', '[]', queue
FROM oban_jobs
WHERE <conditions>
ORDER BY id
LIMIT ?1
