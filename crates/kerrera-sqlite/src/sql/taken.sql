-- Purpose: whether a claim has taken a job.
-- Locks:   none of its own.
-- Index:   the primary key.
SELECT 1 FROM oban_jobs WHERE id = ?1 AND state = 'executing' AND attempted_by = ?2
