-- Whether there is a job of that number, whoever holds it.
-- Locks: none. Index: the primary key.
SELECT EXISTS (SELECT FROM {schema}.oban_jobs AS j WHERE j.id = $1::bigint)
