-- Purpose: how many jobs there are in the states that no index has, where the table is small.
-- Locks:   none.
-- Index:   none; reads the table.
SELECT queue, state, count(*)
FROM oban_jobs
WHERE state IN ('completed', 'suspended')
GROUP BY queue, state
