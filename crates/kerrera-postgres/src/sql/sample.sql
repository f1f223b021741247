-- How many jobs there are, in a part of the table's pages, that are in the states which no index has. The
-- part is the same each time, so that the numbers do not tremble.
-- Locks: none. Index: none; reads that part, in percent.
SELECT j.queue, j.state::text, count(*)
FROM {schema}.oban_jobs AS j TABLESAMPLE SYSTEM ($1::real) REPEATABLE (20261122)
WHERE j.state IN ('completed', 'suspended')
GROUP BY j.queue, j.state
