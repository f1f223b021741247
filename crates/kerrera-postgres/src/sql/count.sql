-- How many jobs a query has, up to its limit; its conditions are filled in.
-- Locks: none. Index: see conditions.sql.
SELECT count(*)
FROM (SELECT FROM {schema}.oban_jobs AS j WHERE <conditions> LIMIT $1::bigint) AS found
