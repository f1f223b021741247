-- How many jobs there are, by queue and state.
-- Locks: none. Index: none; reads the whole table.
SELECT j.queue, j.state::text, count(*)
FROM {schema}.oban_jobs AS j
GROUP BY j.queue, j.state
ORDER BY j.queue, j.state
