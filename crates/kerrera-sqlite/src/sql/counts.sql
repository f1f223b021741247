-- Purpose: how many jobs there are in each queue and state.
-- Locks:   none.
-- Index:   none; reads the table.
SELECT queue, state, count(*)
FROM oban_jobs
GROUP BY queue, state
ORDER BY queue, state
