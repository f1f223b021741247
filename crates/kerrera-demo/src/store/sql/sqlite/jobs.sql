-- The jobs of each worker by state, with failed attempts, snoozes, and the sum of what they gave back.
-- Locks: none. Index: none, every row is read.
SELECT
    worker, state, count(*), sum(json_array_length(errors)),
    sum(coalesce(meta ->> 'snoozed', 0)), sum(coalesce(meta ->> 'k_value', 0))
FROM oban_jobs
GROUP BY worker, state
ORDER BY worker, state
