-- One job by its number.
-- Locks: none. Index: the primary key.
SELECT {job} FROM {schema}.oban_jobs AS j WHERE j.id = $1::bigint
