-- Purpose: the smallest number of a job and the greatest.
-- Locks:   none.
-- Index:   the primary key, its two ends.
SELECT (SELECT min(id) FROM oban_jobs), (SELECT max(id) FROM oban_jobs)
