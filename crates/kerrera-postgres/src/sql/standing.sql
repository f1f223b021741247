-- Where a job stands, locked until the transaction ends; no row if there is none, or somebody else
-- holds it.
-- Locks: the row. Index: the primary key.
SELECT j.state::text, j.attempt::int4, j.max_attempts::int4
FROM {schema}.oban_jobs AS j
WHERE j.id = $1::bigint
FOR UPDATE SKIP LOCKED
