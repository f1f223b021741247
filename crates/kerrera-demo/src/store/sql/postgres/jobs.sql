-- The jobs of each worker by state, with failed attempts, snoozes, and the sum of what they gave back.
-- Locks: none. Index: none, every row is read.
SELECT
    worker, state::text, count(*), sum(cardinality(errors))::bigint,
    sum(coalesce((meta ->> 'snoozed')::bigint, 0))::bigint,
    sum(coalesce((meta ->> 'k_value')::bigint, 0))::bigint
FROM oban_jobs
GROUP BY worker, state
ORDER BY worker, state
