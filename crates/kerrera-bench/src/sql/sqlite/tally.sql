-- Purpose: what became of the measured jobs.
-- Locks:   none.
-- Index:   none; reads the whole table.
SELECT
    count(*),
    count(*) FILTER (WHERE state = 'completed' AND attempt = 1 AND errors = '[]'),
    count(*) FILTER (WHERE state = 'available' AND attempt = 0)
FROM oban_jobs
WHERE worker = ?1 AND priority = 0
