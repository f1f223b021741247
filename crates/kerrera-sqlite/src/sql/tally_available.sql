-- Purpose: how many jobs of a queue and priority are available, counting no further than ?3.
-- Locks:   none.
-- Index:   kerrera_available, without a look at the table.
SELECT count(*)
FROM (
    SELECT 1 FROM oban_jobs
    WHERE state = 'available' AND queue = ?1 AND priority = ?2
    LIMIT ?3
)
